#pragma once

// The CAs that a server's certificate may come from. libcurl would read the whole bundle for every
// handle, 22 ms and 1.3 MB each time; this store is read once and shared by all connections of a
// client. Where the system keeps a directory of hashed names, only the certificates that a
// handshake asks for are read, and the bundle not before one is missing there.

#include <filesystem>
#include <memory>

namespace nau::oci {

class TrustStore {
  public:
    /// Trusts nobody.
    TrustStore();
    ~TrustStore();
    TrustStore(const TrustStore&) = delete;
    TrustStore& operator=(const TrustStore&) = delete;

    /// All certificates of a PEM file. @throws Error{corrupt} when there is none
    void add_file(const std::filesystem::path& path);
    /// A directory of "<hash>.<n>" names, looked into when needed.
    void add_directory(const std::filesystem::path& path);

    /// @param ssl_ctx OpenSSL's SSL_CTX, as curl hands it out
    void attach_to(void* ssl_ctx) const noexcept;

  private:
    struct Handle;
    std::unique_ptr<Handle> handle_;
};

}  // namespace nau::oci
