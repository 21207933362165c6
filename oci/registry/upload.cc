#include "oci/registry/upload.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "oci/registry/registry_error.h"
#include "oci/registry/session.h"

namespace nau::oci {

namespace {

/// How much a registry says to have of an upload, from "Range: 0-<last>". Nothing is written as
/// "0-0" too, which costs one byte at most.
uint64_t received_bytes(const HttpResponse& response) {
    const auto range = response.headers.find("range").value_or("");
    const auto parts = split_once(range.starts_with("bytes=") ? range.substr(6) : range, '-');
    const auto last = parts && parts->first == "0" ? parse_uint64(parts->second) : std::nullopt;
    return last && *last != 0 ? *last + 1 : 0;
}

Url with_digest(Url upload, const Digest& digest) {
    upload.target += fmt::format("{}digest={}",
                                 upload.target.find('?') == std::string::npos ? '?' : '&',
                                 percent_encode(digest.to_string()));
    return upload;
}

AuthSubject pusher(const RegistryEndpoint& endpoint, std::string mounts_from = {}) {
    AuthSubject subject = RegistrySession::subject_of(endpoint);
    subject.pushes = true;
    subject.mounts_from = std::move(mounts_from);
    return subject;
}

/// One blob on its way, over as many requests as it takes.
class BlobUpload {
  public:
    BlobUpload(RegistrySession& session, const RegistryEndpoint& endpoint, const BlobToPut& blob)
        : session_(session), endpoint_(endpoint), blob_(blob) {}

    HttpResponse run() {
        return session_.with_retries({.stop = blob_.stop, .progress = [this] { return furthest_; }},
                                     [this] {
                                         const uint64_t offset = location_ ? ask_offset() : 0;
                                         if (!location_) {
                                             HttpResponse response = begin();
                                             if (response.status != 202) {
                                                 return response;
                                             }
                                         }
                                         if (!is_open_ && blob_.open) {
                                             blob_.open();
                                         }
                                         is_open_ = true;
                                         return send_from(offset);
                                     });
    }

    PutResult result() const noexcept { return result_; }

  private:
    HttpResponse send(HttpMethod method, const Url& url, HttpRequest request = {}) {
        request.method = method;
        request.stop = blob_.stop;
        return session_.send_to(endpoint_, pusher(endpoint_), std::move(request), url);
    }

    HttpResponse begin() {
        const std::string target = fmt::format("/v2/{}/blobs/uploads/", endpoint_.repository);
        std::optional<HttpResponse> mounted;
        if (!blob_.mounts_from.empty() && !has_tried_mount_) {
            has_tried_mount_ = true;
            mounted = try_mount(target);
        }
        // Who does not mount begins an upload, as if there had been no word of it.
        const bool is_answer = mounted && (mounted->status == 201 || mounted->status == 202);
        HttpResponse response =
            is_answer ? *std::move(mounted)
                      : session_.send(endpoint_,
                                      pusher(endpoint_),
                                      {.method = HttpMethod::post, .stop = blob_.stop},
                                      target);
        if (response.status == 201 && is_answer) {
            result_ = PutResult::mounted;
        } else if (response.is_success() && response.status != 202) {
            throw Error(ErrorKind::corrupt,
                        "{} answers the beginning of an upload by status {}",
                        authority_of(response.url),
                        response.status);
        }
        if (response.status == 202) {
            follow(response);
            const auto least =
                parse_uint64(response.headers.find("oci-chunk-min-length").value_or(""));
            chunk_bytes_ = std::max(kUploadChunkBytes, std::min(least.value_or(0), kMostChunk));
        }
        return response;
    }

    /// nullopt: the other repository may not be read.
    std::optional<HttpResponse> try_mount(const std::string& target) {
        try {
            return session_.send(endpoint_,
                                 pusher(endpoint_, blob_.mounts_from),
                                 {.method = HttpMethod::post, .stop = blob_.stop},
                                 fmt::format("{}?mount={}&from={}",
                                             target,
                                             percent_encode(blob_.digest.to_string()),
                                             percent_encode(blob_.mounts_from)));
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::permission_denied) {
                throw;
            }
            NAU_LOG_DEBUG("registry: mounting from {}: {}", blob_.mounts_from, error.text());
            return std::nullopt;
        }
    }

    /// Each answer says where the upload goes on.
    void follow(const HttpResponse& response) {
        const auto location = response.headers.find("location");
        location_ = location ? resolve_url(response.url, *location) : std::nullopt;
        if (!location_) {
            throw Error(ErrorKind::corrupt,
                        "{} does not say where to upload to",
                        authority_of(response.url));
        }
    }

    /// After a failure: what has arrived. A registry that cannot say begins anew.
    uint64_t ask_offset() {
        const HttpResponse response = send(HttpMethod::get, *location_);
        const uint64_t received = received_bytes(response);
        if (response.status != 204 || received == 0 || received > blob_.size_bytes) {
            location_.reset();
            return 0;
        }
        follow(response);
        NAU_LOG_DEBUG("registry: upload of {} goes on at {}", blob_.digest, received);
        return received;
    }

    HttpResponse send_from(uint64_t offset) {
        if (offset == 0 && !in_chunks_) {
            HttpResponse response = send(
                HttpMethod::put, with_digest(*location_, blob_.digest), body(0, blob_.size_bytes));
            const bool is_too_much = response.status == 413 && blob_.size_bytes > kUploadChunkBytes;
            if (!is_too_much) {
                return settle(std::move(response));
            }
            in_chunks_ = true;
            if (HttpResponse again = begin(); again.status != 202) {
                return again;
            }
        }
        return send_chunks(offset);
    }

    HttpResponse send_chunks(uint64_t offset) {
        while (offset < blob_.size_bytes) {
            const uint64_t left = blob_.size_bytes - offset;
            const uint64_t length = in_chunks_ ? std::min(left, chunk_bytes_) : left;
            HttpRequest request = body(offset, length);
            request.headers.emplace_back("Content-Range",
                                         fmt::format("{}-{}", offset, offset + length - 1));
            HttpResponse response = send(HttpMethod::patch, *location_, std::move(request));
            if (!response.is_success()) {
                return settle(std::move(response));
            }
            follow(response);
            offset += length;
        }
        return settle(send(HttpMethod::put, with_digest(*location_, blob_.digest)));
    }

    /// A refusal for good ends the upload, a passing one leaves it to be gone on with.
    HttpResponse settle(HttpResponse response) {
        if (response.status == 404 || response.status == 416) {
            location_.reset();
        }
        return response;
    }

    HttpRequest body(uint64_t offset, uint64_t length) {
        HttpRequest request;
        request.headers.emplace_back("Content-Type", "application/octet-stream");
        request.upload = HttpUpload{.size_bytes = length,
                                    .read = [this, offset](uint64_t at, std::span<char> buffer) {
                                        const size_t count = blob_.read(offset + at, buffer);
                                        const uint64_t position = offset + at + count;
                                        furthest_ = std::max(furthest_, position);
                                        if (blob_.on_progress) {
                                            blob_.on_progress(position);
                                        }
                                        return count;
                                    }};
        return request;
    }

    static constexpr uint64_t kMostChunk = uint64_t{256} << 20U;

    RegistrySession& session_;
    const RegistryEndpoint& endpoint_;
    const BlobToPut& blob_;
    std::optional<Url> location_;
    uint64_t furthest_ = 0;
    uint64_t chunk_bytes_ = kUploadChunkBytes;
    bool in_chunks_ = false;
    bool has_tried_mount_ = false;
    bool is_open_ = false;
    PutResult result_ = PutResult::uploaded;
};

class DistributionUploader final : public RegistryUploader {
  public:
    DistributionUploader(ClientOptions options, const Reference& repository)
        : session_(std::move(options)),
          name_(repository.familiar_name()),
          endpoint_(session_.endpoints_of(repository).back()) {}

    bool has_blob(const Digest& digest) override;
    PutResult put_blob(const BlobToPut& blob) override;
    void put_manifest(const std::string& name,
                      const Descriptor& descriptor,
                      std::string_view bytes) override;

  private:
    Error refusal(const HttpResponse& response) const;

    RegistrySession session_;
    std::string name_;
    RegistryEndpoint endpoint_;
};

/// A registry that only reads says so in several ways.
Error DistributionUploader::refusal(const HttpResponse& response) const {
    if (response.status == 405 || response.status == 501) {
        return {ErrorKind::unsupported,
                "{} takes no uploads: {}",
                endpoint_.registry,
                describe_failure(response)};
    }
    if (response.status == 413) {
        return {ErrorKind::unavailable,
                "{} or a proxy before it takes no bodies of this size: {}",
                endpoint_.registry,
                describe_failure(response)};
    }
    return failure_error(response, fmt::format("repository '{}'", name_), endpoint_.registry);
}

bool DistributionUploader::has_blob(const Digest& digest) {
    const HttpResponse response = session_.with_retries({}, [&] {
        return session_.send(endpoint_,
                             pusher(endpoint_),
                             {.method = HttpMethod::head},
                             fmt::format("/v2/{}/blobs/{}", endpoint_.repository, digest));
    });
    if (response.is_success() || response.status == 404) {
        return response.is_success();
    }
    throw refusal(response);
}

PutResult DistributionUploader::put_blob(const BlobToPut& blob) {
    return doing([&] { return fmt::format("uploading {}", blob.digest); },
                 [&] {
                     BlobUpload upload(session_, endpoint_, blob);
                     const HttpResponse response = upload.run();
                     if (!response.is_success()) {
                         throw refusal(response);
                     }
                     return upload.result();
                 });
}

void DistributionUploader::put_manifest(const std::string& name,
                                        const Descriptor& descriptor,
                                        std::string_view bytes) {
    doing([&] { return fmt::format("uploading manifest {}", descriptor.digest); },
          [&] {
              const HttpResponse response = session_.with_retries({}, [&] {
                  return session_.send(
                      endpoint_,
                      pusher(endpoint_),
                      {.method = HttpMethod::put,
                       .headers = {{"Content-Type", descriptor.media_type}},
                       .body = std::string(bytes)},
                      fmt::format("/v2/{}/manifests/{}", endpoint_.repository, name));
              });
              if (!response.is_success()) {
                  throw refusal(response);
              }
              const auto stored = response.headers.find("docker-content-digest");
              if (stored && Digest::try_parse(*stored) &&
                  *Digest::try_parse(*stored) != descriptor.digest) {
                  throw Error(
                      ErrorKind::corrupt, "{} stored it as {}", endpoint_.registry, *stored);
              }
          });
}

}  // namespace

std::unique_ptr<RegistryUploader> make_registry_uploader(ClientOptions options,
                                                         const Reference& repository) {
    return std::make_unique<DistributionUploader>(std::move(options), repository);
}

}  // namespace nau::oci
