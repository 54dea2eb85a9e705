import gzip, hashlib, http.client, sys

host, file = sys.argv[1], sys.argv[2]
connection = http.client.HTTPConnection(host, timeout=60)
content = open(file, "rb").read()


def ask(method, path, **more):
    connection.request(method, path, **more)
    answer = connection.getresponse()
    return answer, answer.read()


def sha(data):
    return hashlib.sha256(data).hexdigest()


def pieces():
    for start in range(0, 1000, 100):
        yield content[start : start + 100]


answer, body = ask("GET", "/bytes/1000")
print("get", answer.status, sha(body))
answer, body = ask("HEAD", "/bytes/1000")
print("head", answer.status, answer.getheader("content-length"), len(body))
answer, body = ask("POST", "/digest", body=content[:1000])
print("post", answer.status, body.decode())
answer, body = ask("POST", "/digest", body=pieces(), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
print("chunked", answer.status, body.decode())
answer, body = ask("POST", "/digest", body=content)
print("up", answer.status, body.decode())
answer, body = ask("GET", "/stream/%d" % len(content))
print("down", answer.status, sha(body))
answer, body = ask("GET", "/gzip", headers={"Accept-Encoding": "gzip"})
print("gzip", answer.status, sha(gzip.decompress(body)))
answer, body = ask("POST", "/digest", body=content[:1000], headers={"Expect": "100-continue"})
print("continue", answer.status, body.decode())
