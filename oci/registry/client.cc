#include "oci/registry/client.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/assert.h"
#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "oci/manifest.h"
#include "oci/media_type.h"
#include "oci/registry/blob_ranges.h"
#include "oci/registry/blob_stream.h"
#include "oci/registry/catalog.h"
#include "oci/registry/http.h"
#include "oci/registry/registry_error.h"
#include "oci/registry/resolver.h"
#include "oci/registry/session.h"

namespace nau::oci {

namespace {

std::string accept_manifests() {
    return fmt::format("{}, {}, {}, {}",
                       media_type::kImageIndex,
                       media_type::kImageManifest,
                       media_type::kDockerManifestList,
                       media_type::kDockerManifest);
}

std::string manifest_target(const RegistryEndpoint& endpoint, const Reference& reference) {
    NAU_ASSERT(reference.tag() || reference.digest());
    return fmt::format("/v2/{}/manifests/{}",
                       endpoint.repository,
                       reference.digest() ? reference.digest()->to_string() : *reference.tag());
}

std::string content_type_of(const HttpResponse& response) {
    return strip_media_type_parameters(response.headers.find("content-type").value_or(""));
}

bool is_manifest_type(std::string_view media_type) noexcept {
    return is_index(media_type) || is_manifest(media_type) || is_docker_schema1(media_type);
}

std::optional<Digest> digest_header(const HttpResponse& response) {
    const auto text = response.headers.find("docker-content-digest");
    return text ? Digest::try_parse(*text) : std::nullopt;
}

void verify_digest(std::string_view bytes, const Digest& expected) {
    const Digest actual = digest_of(bytes, expected.algorithm());
    if (actual != expected) {
        throw Error(ErrorKind::corrupt, "content has digest {}, expected {}", actual, expected);
    }
}

/// An image may name hosts, but not addresses, which mean machines of the local network; the
/// exception is a registry on loopback itself, which tests use.
bool may_fetch_from(const Url& url, std::string_view registry) {
    const auto own = parse_url(fmt::format("https://{}/", registry));
    if (own && is_loopback_host(own->host)) {
        return true;
    }
    const bool is_address =
        url.host.starts_with('[') || std::all_of(url.host.begin(), url.host.end(), [](char c) {
            return (c >= '0' && c <= '9') || c == '.' || c == 'x';
        });
    return !is_address && !is_loopback_host(url.host);
}

// --- the client

/// What the caller's sink has got, whoever it came from.
struct BlobDelivery {
    explicit BlobDelivery(const BlobRequest& request, const BlobSink& target)
        : position(request.offset), sink([this, &target](std::span<const std::byte> bytes) {
              try {
                  target(bytes);
              } catch (...) {
                  has_failed = true;
                  throw;
              }
              position += bytes.size();
          }) {}
    BlobDelivery(const BlobDelivery&) = delete;
    BlobDelivery& operator=(const BlobDelivery&) = delete;

    uint64_t position;
    /// The sink does not take it: no other host can help.
    bool has_failed = false;
    BlobSink sink;
};

class DistributionClient final : public RegistryClient {
  public:
    explicit DistributionClient(ClientOptions options)
        : session_(std::move(options)), slots_(session_.options().ranges.parts) {}

    FetchedManifest get_manifest(const Reference& reference) override;
    FetchedManifest get_manifest(const Reference& repository,
                                 const Descriptor& descriptor) override;
    std::optional<Descriptor> head_manifest(const Reference& reference) override;
    void get_blob(const BlobRequest& request, const BlobSink& sink) override;
    std::vector<std::string> list_tags(const Reference& repository) override {
        return nau::oci::list_tags(session_, repository);
    }
    std::vector<FoundRepository> search(std::string_view registry,
                                        std::string_view term,
                                        size_t limit) override {
        return search_registry(session_, registry, term, limit);
    }
    void ping(std::string_view registry) override;

  private:
    HttpResponse ask_for_manifest(HttpMethod method, const Reference& reference);
    void get_blob_from_registry(const BlobRequest& request, BlobDelivery& delivery);
    HttpResponse stream_from(const RegistryEndpoint& endpoint,
                             const BlobRequest& request,
                             const RetryRules& rules,
                             BlobStream& stream);
    HttpResponse stream_large_from(const RegistryEndpoint& endpoint,
                                   const BlobRequest& request,
                                   const BlobSink& sink,
                                   const RetryRules& rules,
                                   BlobStream& stream);
    bool get_blob_from_urls(const BlobRequest& request, BlobDelivery& delivery);

    RegistrySession session_;
    PartSlots slots_;
};

// --- manifests

HttpResponse DistributionClient::ask_for_manifest(HttpMethod method, const Reference& reference) {
    const auto ask = [&](const RegistryEndpoint& endpoint, const RetryRules& rules) {
        HttpResponse response = session_.with_retries(rules, [&] {
            return session_.send(endpoint,
                                 RegistrySession::subject_of(endpoint),
                                 HttpRequest{.method = method,
                                             .headers = {{"Accept", accept_manifests()}},
                                             .max_body_bytes = kMaxManifestBytes},
                                 manifest_target(endpoint, reference));
        });
        const bool is_answer =
            response.is_success() ||
            (method == HttpMethod::head && response.status == 404 && !endpoint.is_mirror);
        if (!is_answer) {
            throw failure_error(
                response, fmt::format("image '{}'", reference.familiar()), endpoint.registry);
        }
        return response;
    };
    return session_.at_endpoints(session_.endpoints_of(reference), ask);
}

FetchedManifest DistributionClient::get_manifest(const Reference& reference) {
    HttpResponse response = ask_for_manifest(HttpMethod::get, reference);
    return doing([&] { return fmt::format("manifest of '{}'", reference.familiar()); },
                 [&] {
                     const auto announced = digest_header(response);
                     if (reference.digest()) {
                         verify_digest(response.body, *reference.digest());
                     }
                     if (announced) {
                         verify_digest(response.body, *announced);
                     }
                     std::string media_type = content_type_of(response);
                     if (!is_manifest_type(media_type)) {
                         media_type = detect_media_type(response.body);
                     }
                     Digest digest =
                         reference.digest() ? *reference.digest() : digest_of(response.body);
                     return FetchedManifest{.bytes = std::move(response.body),
                                            .media_type = std::move(media_type),
                                            .digest = std::move(digest)};
                 });
}

FetchedManifest DistributionClient::get_manifest(const Reference& repository,
                                                 const Descriptor& descriptor) {
    const Reference reference = repository.with_digest(descriptor.digest);
    if (descriptor.size_bytes > kMaxManifestBytes) {
        throw Error(ErrorKind::corrupt,
                    "manifest {}: is larger than {} MiB",
                    descriptor.digest,
                    kMaxManifestBytes >> 20U);
    }
    if (descriptor.data) {
        return doing([&] { return fmt::format("manifest {}", descriptor.digest); },
                     [&] {
                         verify_digest(*descriptor.data, descriptor.digest);
                         return FetchedManifest{.bytes = *descriptor.data,
                                                .media_type = descriptor.media_type,
                                                .digest = descriptor.digest};
                     });
    }
    FetchedManifest manifest = get_manifest(reference);
    if (manifest.bytes.size() != descriptor.size_bytes) {
        throw Error(ErrorKind::corrupt,
                    "manifest {}: has {} bytes, the index says {}",
                    descriptor.digest,
                    manifest.bytes.size(),
                    descriptor.size_bytes);
    }
    if (manifest.media_type != descriptor.media_type) {
        throw Error(ErrorKind::corrupt,
                    "manifest {}: is of type '{}', the index says '{}'",
                    descriptor.digest,
                    manifest.media_type,
                    descriptor.media_type);
    }
    return manifest;
}

std::optional<Descriptor> DistributionClient::head_manifest(const Reference& reference) {
    const HttpResponse response = ask_for_manifest(HttpMethod::head, reference);
    if (response.status == 404) {
        return std::nullopt;
    }
    auto digest = digest_header(response);
    std::string media_type = content_type_of(response);
    const auto length = parse_uint64(response.headers.find("content-length").value_or(""));
    if (digest && length && is_manifest_type(media_type) &&
        (!reference.digest() || *reference.digest() == *digest)) {
        return Descriptor{.media_type = std::move(media_type),
                          .digest = *std::move(digest),
                          .size_bytes = *length};
    }
    // Not every registry fills the header in.
    FetchedManifest manifest = get_manifest(reference);
    return Descriptor{.media_type = std::move(manifest.media_type),
                      .digest = std::move(manifest.digest),
                      .size_bytes = manifest.bytes.size()};
}

// --- blobs

/// All that the stream still asks for; a failure of the registry is the result.
HttpResponse DistributionClient::stream_from(const RegistryEndpoint& endpoint,
                                             const BlobRequest& request,
                                             const RetryRules& rules,
                                             BlobStream& stream) {
    const std::string target = fmt::format("/v2/{}/blobs/{}", endpoint.repository, request.digest);
    RetryRules own = rules;
    own.stop = request.stop;
    own.progress = [&] { return stream.position(); };
    return session_.with_retries(own, [&] {
        const auto ask = [&] {
            return session_.send(
                endpoint, RegistrySession::subject_of(endpoint), stream.make_request({}), target);
        };
        HttpResponse response = ask();
        if (stream.refuses_range(response)) {
            response = ask();
        }
        if (response.is_success()) {
            stream.finish();
        }
        return response;
    });
}

HttpResponse DistributionClient::stream_large_from(const RegistryEndpoint& endpoint,
                                                   const BlobRequest& request,
                                                   const BlobSink& sink,
                                                   const RetryRules& rules,
                                                   BlobStream& stream) {
    const RangeOptions& ranges = session_.options().ranges;
    const uint64_t first = stream.position();
    stream.extend_to(first + ranges.part_bytes);
    const auto begin = std::chrono::steady_clock::now();
    HttpResponse response = stream_from(endpoint, request, rules, stream);
    if (!response.is_success() || stream.position() == request.size_bytes) {
        return response;
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    const double rate = static_cast<double>(stream.position() - first) / taken.count();
    if (rate >= ranges.enough_bytes_per_second) {
        stream.extend_to(request.size_bytes);
        return stream_from(endpoint, request, rules, stream);
    }
    NAU_LOG_DEBUG("registry: {:.1f} MB/s, fetching {} over {} connections",
                  rate / 1e6,
                  request.digest,
                  ranges.connections);
    fetch_in_ranges(request,
                    stream.position(),
                    sink,
                    {.part_bytes = ranges.part_bytes, .connections = ranges.connections},
                    slots_,
                    [&](const BlobRequest& part, BlobStream& part_stream) {
                        const HttpResponse r = stream_from(endpoint, part, rules, part_stream);
                        if (!r.is_success()) {
                            throw failure_error(r, "blob", endpoint.registry);
                        }
                    });
    return response;
}

void DistributionClient::get_blob_from_registry(const BlobRequest& request,
                                                BlobDelivery& delivery) {
    const auto fetch = [&](const RegistryEndpoint& endpoint, const RetryRules& rules) {
        BlobStream stream(request, delivery.sink, delivery.position, request.size_bytes);
        const bool is_large =
            request.size_bytes - delivery.position >= session_.options().ranges.from_bytes;
        HttpResponse response =
            is_large ? stream_large_from(endpoint, request, delivery.sink, rules, stream)
                     : stream_from(endpoint, request, rules, stream);
        if (!response.is_success()) {
            throw failure_error(response, "blob", endpoint.registry);
        }
        return response;
    };
    (void)session_.at_endpoints(session_.endpoints_of(request.repository), fetch, {.is_final = [&] {
                                    return delivery.has_failed;
                                }});
}

bool DistributionClient::get_blob_from_urls(const BlobRequest& request, BlobDelivery& delivery) {
    for (const auto& text : request.urls) {
        const auto url = parse_url(text);
        if (!url || !may_fetch_from(*url, request.repository.registry())) {
            NAU_LOG_WARN("layer names an URL that is not asked, ignoring it");
            continue;
        }
        BlobStream stream(request, delivery.sink, delivery.position, request.size_bytes);
        const auto ask = [&] {
            HttpResponse response = session_.http().send(stream.make_request(*url));
            if (response.is_success()) {
                stream.finish();
            }
            return response;
        };
        try {
            const HttpResponse response = session_.with_retries(
                {.stop = request.stop, .progress = [&] { return stream.position(); }}, ask);
            if (response.is_success()) {
                return true;
            }
        } catch (const HttpError& error) {
            NAU_LOG_DEBUG("foreign layer: {}", error.text());
        }
    }
    return false;
}

void DistributionClient::get_blob(const BlobRequest& request, const BlobSink& sink) {
    NAU_ASSERT(request.offset <= request.size_bytes);
    doing([&] { return fmt::format("fetching {}", request.digest); },
          [&] {
              BlobDelivery delivery(request, sink);
              if (delivery.position == request.size_bytes) {
                  return;
              }
              try {
                  get_blob_from_registry(request, delivery);
              } catch (const Error& error) {
                  const bool may_be_foreign =
                      error.kind() == ErrorKind::not_found && !delivery.has_failed;
                  if (!may_be_foreign || !get_blob_from_urls(request, delivery)) {
                      throw;
                  }
              }
          });
}

void DistributionClient::ping(std::string_view registry) {
    const RegistryEndpoint endpoint = session_.endpoint_of_registry(registry);
    const HttpResponse response = session_.with_retries({}, [&] {
        return session_.send(
            endpoint, RegistrySession::subject_of(endpoint), HttpRequest{}, "/v2/");
    });
    if (response.status == 404) {
        throw Error(
            ErrorKind::unsupported, "{} does not speak the registry protocol, version 2", registry);
    }
    if (!response.is_success()) {
        throw failure_error(response, fmt::format("registry {}", registry), registry);
    }
}

}  // namespace

std::unique_ptr<RegistryClient> make_registry_client(ClientOptions options) {
    return std::make_unique<DistributionClient>(std::move(options));
}

}  // namespace nau::oci
