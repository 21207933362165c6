#pragma once

// Writing to a repository by the distribution spec: blobs by digest, then the manifests that name
// them. Bytes go out as they are, so that what is pushed has the digests that it had here.
//
//   has_blob      HEAD ─▶ there already
//   put_blob      POST, maybe ?mount=&from= ─┬▶ 201 the registry has it in another repository
//                                            └▶ 202 Location: an upload
//                 PUT, all at once ─┬▶ 201
//                                   ├▶ connection lost, 5xx: how much has come? PATCH the rest, PUT
//                                   └▶ 413 (a proxy in between): PATCH in pieces, PUT
//   put_manifest  PUT ─▶ 201, under the digest that it has here
//
// An uploader may be used from several threads; each call runs in the thread that makes it.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "oci/descriptor.h"
#include "oci/reference.h"
#include "oci/registry/client.h"

namespace nau::oci {

struct BlobToPut {
    Digest digest;
    uint64_t size_bytes = 0;
    /// Another repository of the same registry that has the blob; empty: none is known.
    std::string mounts_from = {};
    /// Called before the first byte is read, once the registry wants it. May be empty; what it
    /// throws leaves put_blob().
    std::function<void()> open = {};
    /// Fills the buffer from `offset` and returns how much, at least one byte. What it throws
    /// leaves put_blob().
    std::function<size_t(uint64_t offset, std::span<char> buffer)> read = {};
    /// Told how far it is; goes back when a part has to be sent again. May be empty.
    std::function<void(uint64_t sent_bytes)> on_progress = {};
    /// Ends this call with Error{interrupted}, as ClientOptions::stop ends all.
    std::stop_token stop = {};
};

enum class PutResult {
    uploaded,
    mounted,  ///< the registry had it in the other repository
};

/// What a piece holds when a blob has to go in pieces: proxies that limit bodies allow more.
inline constexpr uint64_t kUploadChunkBytes = uint64_t{16} << 20U;

class RegistryUploader {
  public:
    RegistryUploader() = default;
    RegistryUploader(const RegistryUploader&) = delete;
    RegistryUploader& operator=(const RegistryUploader&) = delete;
    virtual ~RegistryUploader() = default;

    // All @throw Error{permission_denied} login needed or refused, {unsupported} a registry that
    // does not take anything, {unavailable, timed_out, interrupted}.

    virtual bool has_blob(const Digest& digest) = 0;

    virtual PutResult put_blob(const BlobToPut& blob) = 0;

    /// @param name a tag, or the digest itself
    /// @throws also Error{corrupt} when the registry gives it another digest
    virtual void put_manifest(const std::string& name,
                              const Descriptor& descriptor,
                              std::string_view bytes) = 0;
};

/// @param repository only registry and repository count. Opens nothing before the first call.
std::unique_ptr<RegistryUploader> make_registry_uploader(ClientOptions options,
                                                         const Reference& repository);

}  // namespace nau::oci
