#include "tests/support/fake_http_server.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <netinet/in.h>
#include <span>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/error.h"
#include "base/parse.h"

namespace nau::test {

namespace {

/// Bytes to and from the client, plain or through TLS.
class Connection {
  public:
    Connection(int fd, SSL* ssl) : fd_(fd), ssl_(ssl) {}

    /// 0 or less: the end.
    ssize_t receive(std::span<char> buffer) {
        return ssl_ != nullptr ? SSL_read(ssl_, buffer.data(), static_cast<int>(buffer.size()))
                               : ::recv(fd_, buffer.data(), buffer.size(), 0);
    }

    bool send_all(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t count =
                ssl_ != nullptr ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (count <= 0) {
                return false;
            }
            bytes.remove_prefix(static_cast<size_t>(count));
        }
        return true;
    }

    bool is_plain() const noexcept { return ssl_ == nullptr; }

  private:
    int fd_;
    SSL* ssl_;
};

/// Reads requests off a connection.
class Reader {
  public:
    explicit Reader(Connection& connection) : connection_(connection) {}

    /// nullopt at the end of the connection.
    std::optional<FakeRequest> read() {
        const auto head = read_until("\r\n\r\n");
        if (!head) {
            return std::nullopt;
        }
        FakeRequest request;
        bool is_first = true;
        for (auto line : split(*head, '\n')) {
            line = trim(line);
            if (is_first) {
                const auto words = split(line, ' ');
                request.method = words.at(0);
                request.target = words.size() > 1 ? words[1] : "";
                is_first = false;
            } else if (const auto parts = split_once(line, ':')) {
                request.headers[to_lower(parts->first)] = trim(parts->second);
            }
        }
        const auto length = parse_uint64(request.header("content-length")).value_or(0);
        while (buffer_.size() < length && fill()) {
        }
        request.body = buffer_.substr(0, length);
        buffer_.erase(0, length);
        return request;
    }

    /// Waits until the peer has closed.
    void drain() {
        while (fill()) {
            buffer_.clear();
        }
    }

  private:
    bool fill() {
        std::array<char, 4096> bytes{};
        const ssize_t count = connection_.receive(bytes);
        constexpr char kTlsHandshake = 0x16;
        if (count > 0 && connection_.is_plain() && buffer_.empty() && bytes[0] == kTlsHandshake) {
            return false;
        }
        if (count > 0) {
            buffer_.append(bytes.data(), static_cast<size_t>(count));
        }
        return count > 0;
    }

    std::optional<std::string> read_until(std::string_view mark) {
        size_t at = 0;
        while ((at = buffer_.find(mark)) == std::string::npos) {
            if (!fill()) {
                return std::nullopt;
            }
        }
        std::string text = buffer_.substr(0, at);
        buffer_.erase(0, at + mark.size());
        return text;
    }

    Connection& connection_;
    std::string buffer_;
};

std::string make_head(const FakeResponse& response) {
    std::string head = fmt::format("HTTP/1.1 {} Status\r\n", response.status);
    for (const auto& [name, value] : response.headers) {
        head += fmt::format("{}: {}\r\n", name, value);
    }
    if (response.is_chunked) {
        head += "Transfer-Encoding: chunked\r\n";
    } else {
        head += fmt::format("Content-Length: {}\r\n",
                            response.content_length.value_or(response.body.size()));
    }
    return head + "\r\n";
}

std::string make_body(const FakeResponse& response) {
    if (!response.is_chunked) {
        return response.body;
    }
    std::string body;
    constexpr size_t kChunk = 1000;
    for (size_t at = 0; at < response.body.size(); at += kChunk) {
        const std::string chunk = response.body.substr(at, kChunk);
        body += fmt::format("{:x}\r\n{}\r\n", chunk.size(), chunk);
    }
    return body + "0\r\n\r\n";
}

/// false: the connection is to be closed.
bool answer(Connection& connection, const FakeRequest& request, const FakeResponse& response) {
    if (response.raw) {
        (void)connection.send_all(*response.raw);  // the client may be gone
        return false;
    }
    std::string body = request.method == "HEAD" ? "" : make_body(response);
    if (response.cut_after) {
        body.resize(std::min(body.size(), *response.cut_after));
    }
    return connection.send_all(make_head(response) + body) && !response.cut_after;
}

}  // namespace

TestCertificate make_test_certificate(const std::string& names) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"),
                                                                  &EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
    X509* x509 = certificate.get();
    constexpr long kHour = 3600;
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -kHour);
    X509_gmtime_adj(X509_getm_notAfter(x509), 24 * kHour);
    X509_set_pubkey(x509, key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509),
                               "CN",
                               MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("nau test"),
                               -1,
                               -1,
                               0);
    X509_set_issuer_name(x509, X509_get_subject_name(x509));
    X509_EXTENSION* extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(x509, key.get(), EVP_sha256());

    const auto pem = [](auto write) {
        const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
        write(bio.get());
        char* data = nullptr;
        const long size = BIO_get_mem_data(bio.get(), &data);
        return std::string(data, static_cast<size_t>(size));
    };
    return {.certificate_pem = pem([&](BIO* bio) { PEM_write_bio_X509(bio, x509); }),
            .key_pem = pem([&](BIO* bio) {
                PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
            })};
}

class FakeHttpServer::Tls {
  public:
    explicit Tls(const TestCertificate& certificate) : context_(SSL_CTX_new(TLS_server_method())) {
        const auto open = [](const std::string& text) {
            return std::unique_ptr<BIO, decltype(&BIO_free)>(
                BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free);
        };
        X509* x509 =
            PEM_read_bio_X509(open(certificate.certificate_pem).get(), nullptr, nullptr, nullptr);
        EVP_PKEY* key =
            PEM_read_bio_PrivateKey(open(certificate.key_pem).get(), nullptr, nullptr, nullptr);
        SSL_CTX_use_certificate(context_, x509);
        SSL_CTX_use_PrivateKey(context_, key);
        X509_free(x509);
        EVP_PKEY_free(key);
    }
    ~Tls() { SSL_CTX_free(context_); }
    Tls(const Tls&) = delete;
    Tls& operator=(const Tls&) = delete;

    SSL* make_connection(int fd) const {
        SSL* ssl = SSL_new(context_);
        SSL_set_fd(ssl, fd);
        return ssl;
    }

  private:
    SSL_CTX* context_;
};

FakeHttpServer::FakeHttpServer(Handler handler) : handler_(std::move(handler)) {
    listen();
}

FakeHttpServer::FakeHttpServer(Handler handler, const TestCertificate& certificate)
    : handler_(std::move(handler)), tls_(std::make_unique<Tls>(certificate)) {
    listen();
}

void FakeHttpServer::listen() {
    // OpenSSL writes without MSG_NOSIGNAL.
    (void)::signal(SIGPIPE, SIG_IGN);
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_.get(), generic, length) != 0 || ::listen(listener_.get(), 64) != 0 ||
        ::getsockname(listener_.get(), generic, &length) != 0) {
        throw SysError(errno, "listen on loopback");
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::jthread([this] { accept_connections(); });
}

FakeHttpServer::~FakeHttpServer() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
        for (const int fd : open_fds_) {
            ::shutdown(fd, SHUT_RDWR);
        }
    }
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    threads_.clear();  // joins; nobody adds any more
}

std::string FakeHttpServer::authority() const {
    return fmt::format("127.0.0.1:{}", port_);
}

std::string FakeHttpServer::origin() const {
    return (tls_ ? "https://" : "http://") + authority();
}

std::vector<FakeRequest> FakeHttpServer::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void FakeHttpServer::accept_connections() {
    while (true) {
        const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        const std::lock_guard lock(mutex_);
        if (is_stopping_) {
            ::close(fd);
            return;
        }
        ++connection_count_;
        open_fds_.push_back(fd);
        threads_.emplace_back([this, fd] { serve(fd); });
    }
}

void FakeHttpServer::serve(int fd) {
    serve_requests(fd);
    const std::lock_guard lock(mutex_);
    std::erase(open_fds_, fd);
    ::shutdown(fd, SHUT_RDWR);
    ::close(fd);
}

void FakeHttpServer::serve_requests(int fd) {
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(tls_ ? tls_->make_connection(fd) : nullptr,
                                                        &SSL_free);
    Connection connection(fd, ssl.get());
    if (ssl && SSL_accept(ssl.get()) != 1) {
        // As Go's server does to who speaks plain HTTP.
        constexpr std::string_view kWrong = "HTTP/1.0 400 Bad Request\r\n\r\nHTTPS, please\n";
        (void)::send(fd, kWrong.data(), kWrong.size(), MSG_NOSIGNAL);
        return;
    }
    Reader reader(connection);
    while (const auto request = reader.read()) {
        {
            const std::lock_guard lock(mutex_);
            requests_.push_back(*request);
        }
        const FakeResponse response = handler_(*request);
        if (!answer(connection, *request, response)) {
            return;
        }
        if (response.hangs) {
            reader.drain();
            return;
        }
    }
}

}  // namespace nau::test
