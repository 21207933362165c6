#pragma once

// Reading from a registry by the distribution spec: manifests by tag or digest, blobs by digest.
// Everything a manifest call returns has been compared with the digest that was asked for. A blob's
// bytes go to the caller as they come, and it is the caller (storage's ingest), who hashes them
// while writing, that compares the digest: hashing twice would cost a processor as much as
// unpacking.
//
//   caller ── get_blob ──▶ client ── 401 ──▶ auth ── token ──▶ client ── redirect ──▶ storage host
//                            │ 429, 5xx, connection lost: waits and asks for the rest (Range)
//   sink  ◀── bytes [offset, size) in order, without gap or repetition ──┘
//
// A client may be used from several threads; each call runs in the thread that makes it.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "oci/descriptor.h"
#include "oci/reference.h"
#include "oci/registry/credentials.h"
#include "oci/registry/resolver.h"

namespace nau::oci {

struct FetchedManifest {
    std::string bytes;
    /// Of the content, without parameters; detected when the registry does not say.
    std::string media_type;
    /// Of the bytes, computed here.
    Digest digest;
};

/// Takes the next bytes of a blob. May block (the connection then waits) and may throw (the
/// transfer ends and the exception leaves get_blob).
using BlobSink = std::function<void(std::span<const std::byte> bytes)>;

struct BlobRequest {
    /// Only registry and repository count.
    Reference repository;
    Digest digest;
    /// As the descriptor says: one byte more or less is an error.
    uint64_t size_bytes = 0;
    /// Bytes that the caller has already; the sink gets what follows.
    uint64_t offset = 0;
    /// The descriptor's urls, tried without credentials when the registry does not have the blob.
    /// Those with an address in place of a name are passed over: an image does not choose which
    /// machine of the local network is asked.
    std::vector<std::string> urls = {};
    /// Ends this call with Error{interrupted}, as ClientOptions::stop ends all.
    std::stop_token stop = {};
};

/// Tags or repositories; a registry that names more is no help to anybody.
inline constexpr size_t kMaxListed = 100'000;

struct FoundRepository {
    std::string name;  ///< without the registry: "library/alpine"
    std::string description = {};
    int64_t stars = 0;
    bool is_official = false;
    bool is_automated = false;
};

class RegistryClient {
  public:
    RegistryClient() = default;
    RegistryClient(const RegistryClient&) = delete;
    RegistryClient& operator=(const RegistryClient&) = delete;
    virtual ~RegistryClient() = default;

    /// The manifest or index of the reference: by its digest, or else by its tag.
    /// @throws Error{not_found} unknown image, Error{permission_denied} login needed or refused,
    /// Error{corrupt} content that does not match, Error{unavailable, timed_out, interrupted}
    virtual FetchedManifest get_manifest(const Reference& reference) = 0;

    /// A manifest out of an index; size and media type are compared as well.
    /// @throws as above
    virtual FetchedManifest get_manifest(const Reference& repository,
                                         const Descriptor& descriptor) = 0;

    /// What the reference points at, without fetching it; nullopt when there is no such manifest.
    /// @throws as get_manifest, but not not_found
    virtual std::optional<Descriptor> head_manifest(const Reference& reference) = 0;

    /// Streams bytes [offset, size_bytes) to the sink. @throws as get_manifest, and what the sink
    /// throws
    virtual void get_blob(const BlobRequest& request, const BlobSink& sink) = 0;

    /// The tags of a repository, as the registry orders them. @throws as get_manifest, and
    /// Error{corrupt} for more than kMaxListed
    virtual std::vector<std::string> list_tags(const Reference& repository) = 0;

    /// Repositories that a registry has, by its own search if it has one, else those of its
    /// catalog whose names hold the term. At most `limit`. @throws as get_manifest
    virtual std::vector<FoundRepository> search(std::string_view registry,
                                                std::string_view term,
                                                size_t limit) = 0;

    /// Whether the registry answers and, if it asks for credentials, takes the ones we have.
    /// @throws as get_manifest
    virtual void ping(std::string_view registry) = 0;
};

/// Something went wrong and is tried again after a while; for a line the user may read.
struct RetryNotice {
    std::string reason;
    std::chrono::milliseconds wait;
    int attempt;
    int max_attempts;
};

/// How a large blob is fetched over several connections. The first part tells whether the registry
/// does ranges and how fast one connection is; a fast one needs no help.
struct RangeOptions {
    uint64_t from_bytes = uint64_t{64} << 20U;  ///< blobs of which so much is missing
    uint64_t part_bytes = uint64_t{4} << 20U;
    unsigned connections = 4;  ///< of one blob
    unsigned parts = 6;        ///< in memory at a time, of all blobs together
    double enough_bytes_per_second = 100e6;
};

struct ClientOptions {
    /// false (--tls-verify=false): certificates are not checked, and plain HTTP is used where HTTPS
    /// is not spoken. true: neither is ever done. Not set: as the endpoint says.
    std::optional<bool> tls_verify = {};
    /// None: anonymous.
    std::shared_ptr<CredentialSource> credentials = {};
    /// Empty: "nau/<version>".
    std::string user_agent = {};
    /// Folders HOST[:PORT]/{*.crt, *.cert, *.key} of more CAs and client certificates, in the order
    /// of preference.
    std::vector<std::filesystem::path> certs_dirs = {"/etc/containers/certs.d",
                                                     "/etc/docker/certs.d"};

    /// --cert-dir: a folder with the files themselves, for all hosts, in place of certs_dirs.
    std::optional<std::filesystem::path> cert_dir = {};

    // Either ends every call with Error{interrupted}; the flag may be set by a signal handler.
    std::stop_token stop = {};
    const std::atomic<bool>* interrupted = nullptr;

    /// Called in the thread of the call before it waits.
    std::function<void(const RetryNotice&)> on_retry = {};

    /// Where to ask for what a reference names, in this order: at least one place. May throw, where
    /// it may not be asked for at all. Empty: the reference's own registry.
    std::function<std::vector<RegistryEndpoint>(const Reference&)> endpoints = {};

    std::chrono::milliseconds connect_timeout{30'000};
    /// A transfer that makes no progress for so long is broken off (and tried again).
    std::chrono::milliseconds stall_timeout{60'000};
    /// How often a request is sent altogether before its failure is final.
    int max_attempts = 5;
    /// --retry-delay: between them, unless the registry says. Not set: ever longer.
    std::optional<std::chrono::milliseconds> retry_delay = {};
    /// How a retry waits; empty: sleeps, and wakes up when stopped. Tests put theirs in.
    std::function<void(std::chrono::milliseconds)> sleep = {};
    RangeOptions ranges = {};
};

/// Opens nothing and loads nothing before the first call.
std::unique_ptr<RegistryClient> make_registry_client(ClientOptions options);

}  // namespace nau::oci
