import gzip, hashlib, httpx, sys

host, file, ca = sys.argv[1:4]
client = httpx.Client(http1=False, http2=True, verify=ca, base_url="https://" + host, timeout=60)
content = open(file, "rb").read()


def ask(method, path, **more):
    answer = client.request(method, path, **more)
    assert answer.http_version == "HTTP/2"
    return answer


def sha(data):
    return hashlib.sha256(data).hexdigest()


def pieces():
    for start in range(0, 1000, 100):
        yield content[start : start + 100]


answer = ask("GET", "/bytes/1000")
print("get", answer.status_code, sha(answer.content))
answer = ask("HEAD", "/bytes/1000")
print("head", answer.status_code, answer.headers["content-length"], len(answer.content))
answer = ask("POST", "/digest", content=content[:1000])
print("post", answer.status_code, answer.text)
answer = ask("POST", "/digest", content=pieces())
print("chunked", answer.status_code, answer.text)
answer = ask("POST", "/digest", content=content)
print("up", answer.status_code, answer.text)
answer = ask("GET", "/stream/%d" % len(content))
print("down", answer.status_code, sha(answer.content))
answer = ask("GET", "/gzip")
print("gzip", answer.status_code, sha(answer.content))
answer = ask("POST", "/digest", content=content[:1000], headers={"Expect": "100-continue"})
print("continue", answer.status_code, answer.text)
