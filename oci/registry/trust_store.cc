#include "oci/registry/trust_store.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "base/error.h"

namespace nau::oci {

struct TrustStore::Handle {
    Handle() : store(X509_STORE_new()) {}
    ~Handle() { X509_STORE_free(store); }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;

    X509_STORE* store;
};

TrustStore::TrustStore() : handle_(std::make_unique<Handle>()) {
    if (handle_->store == nullptr) {
        throw Error(ErrorKind::internal, "openssl: out of memory");
    }
    // Every certificate in the store is an anchor, also one that its issuer signed: what an
    // administrator puts into certs.d may be the server's own.
    X509_STORE_set_flags(handle_->store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
}

TrustStore::~TrustStore() = default;

void TrustStore::add_file(const std::filesystem::path& path) {
    if (X509_STORE_load_file(handle_->store, path.c_str()) != 1) {
        ERR_clear_error();
        throw Error(ErrorKind::corrupt, "no certificates can be read from {}", path.string());
    }
}

void TrustStore::add_directory(const std::filesystem::path& path) {
    if (X509_STORE_load_path(handle_->store, path.c_str()) != 1) {
        ERR_clear_error();
        throw Error(ErrorKind::internal, "openssl: cannot use {}", path.string());
    }
}

void TrustStore::attach_to(void* ssl_ctx) const noexcept {
    SSL_CTX_set1_cert_store(static_cast<SSL_CTX*>(ssl_ctx), handle_->store);
}

}  // namespace nau::oci
