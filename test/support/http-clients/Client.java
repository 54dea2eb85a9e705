import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.zip.GZIPInputStream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class Client {
    static HttpClient client;
    static HttpClient.Version version = HttpClient.Version.HTTP_1_1;
    static String base;

    /** Trusts this authority alone. */
    static SSLContext trusting(String file) throws Exception {
        var store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream pem = Files.newInputStream(Path.of(file))) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        var context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }

    static HttpResponse<byte[]> ask(String method, String path, BodyPublisher body, boolean expect) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(base + path)).method(method, body).expectContinue(expect).build();
        return client.send(request, HttpResponse.BodyHandlers.ofByteArray());
    }

    static String sha(byte[] content) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    }

    static void tell(String what, HttpResponse<byte[]> response, String rest) {
        if (response.version() != version) throw new IllegalStateException(response.version().toString());
        System.out.println(what + " " + response.statusCode() + " " + rest);
    }

    public static void main(String[] args) throws Exception {
        var builder = HttpClient.newBuilder();
        if (args.length > 2) {
            version = HttpClient.Version.HTTP_2;
            builder.sslContext(trusting(args[2]));
        }
        client = builder.version(version).build();
        base = (args.length > 2 ? "https://" : "http://") + args[0];
        byte[] content = Files.readAllBytes(Path.of(args[1]));
        byte[] small = Arrays.copyOf(content, 1000);
        var none = BodyPublishers.noBody();
        var response = ask("GET", "/bytes/1000", none, false);
        tell("get", response, sha(response.body()));
        response = ask("HEAD", "/bytes/1000", none, false);
        tell("head", response, response.headers().firstValue("content-length").get() + " " + response.body().length);
        response = ask("POST", "/digest", BodyPublishers.ofByteArray(small), false);
        tell("post", response, new String(response.body()));
        response = ask("POST", "/digest", BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(small)), false);
        tell("chunked", response, new String(response.body()));
        response = ask("POST", "/digest", BodyPublishers.ofByteArray(content), false);
        tell("up", response, new String(response.body()));
        response = ask("GET", "/stream/" + content.length, none, false);
        tell("down", response, sha(response.body()));
        response = ask("GET", "/gzip", none, false);
        tell("gzip", response, sha(new GZIPInputStream(new ByteArrayInputStream(response.body())).readAllBytes()));
        // Over HTTP/2, Java 17 waits for ever where it gets anything but 100, and Node does not know its "100-Continue".
        response = ask("POST", "/digest", BodyPublishers.ofByteArray(small), version == HttpClient.Version.HTTP_1_1);
        tell("continue", response, new String(response.body()));
    }
}
