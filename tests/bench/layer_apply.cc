// Unpacks layer blobs as a pull does, without registry and store, and says how long it took: for
// measuring, and for tests that compare trees.
//
//   layer-apply [-u] [-m] [-w WRITERS] [-l LOWER]... [-x] BLOB TARGET
//   layer-apply -n BLOB        only inflates and hashes
//   layer-apply -t BLOB        only inflates and parses

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "oci/digest.h"
#include "oci/layer/decompress.h"
#include "oci/layer/tar_reader.h"
#include "storage/layers/apply.h"
#include "sys/file.h"

namespace {

using Clock = std::chrono::steady_clock;

enum class Task { apply, hash, parse };

struct Arguments {
    Task task = Task::apply;
    nau::storage::ApplyOptions options;
    std::vector<nau::sys::UniqueFd> lower;
    std::string blob;
    std::string target;
};

[[noreturn]] void usage() {
    fmt::print(stderr, "usage: layer-apply [-umnt] [-w WRITERS] [-l LOWER]... BLOB [TARGET]\n");
    std::exit(2);
}

Arguments parse_arguments(int argc, char** argv) {
    Arguments arguments;
    for (int option = 0; (option = getopt(argc, argv, "umntw:l:")) != -1;) {
        switch (option) {
            case 'u':
                arguments.options.form = nau::storage::LayerForm::overlay_user;
                break;
            case 'm':
                arguments.options.form = nau::storage::LayerForm::merged;
                break;
            case 'n':
                arguments.task = Task::hash;
                break;
            case 't':
                arguments.task = Task::parse;
                break;
            case 'w':
                arguments.options.max_writers =
                    static_cast<unsigned>(nau::parse_uint64(optarg).value_or(0));
                break;
            case 'l':
                arguments.lower.push_back(nau::sys::open(optarg, O_PATH | O_DIRECTORY));
                break;
            default:
                usage();
        }
    }
    const int expected = arguments.task == Task::apply ? 2 : 1;
    if (argc - optind != expected) {
        usage();
    }
    arguments.blob = argv[optind];
    arguments.target = expected == 2 ? argv[optind + 1] : "";
    return arguments;
}

void hash_only(const nau::oci::ByteSource& source) {
    nau::oci::Decompressor decompressor(source, nau::oci::Compression::none);
    nau::oci::Hasher hasher;
    std::vector<std::byte> buffer(size_t{1} << 20);
    for (size_t size = buffer.size(); size == buffer.size();) {
        size = decompressor.read(buffer);
        hasher.update(std::span(buffer).first(size));
    }
    fmt::print("{}\n", hasher.finish());
}

void parse_only(const nau::oci::ByteSource& source) {
    nau::oci::Decompressor decompressor(source, nau::oci::Compression::none);
    std::vector<std::byte> buffer(size_t{1} << 20);
    Clock::duration inflating{};
    const auto begin = Clock::now();
    nau::oci::TarReader reader([&] {
        const auto before = Clock::now();
        const size_t size = decompressor.read(buffer);
        inflating += Clock::now() - before;
        return nau::oci::Chunk{.bytes = std::span(buffer).first(size), .owner = {}};
    });
    uint64_t entries = 0;
    while (reader.next() != nullptr) {
        ++entries;
        while (reader.next_content()) {
        }
    }
    const auto parsing = Clock::now() - begin - inflating;
    fmt::print("{} entries, parsed in {:.1f} ms\n",
               entries,
               std::chrono::duration<double, std::milli>(parsing).count());
}

void apply(const Arguments& arguments, const nau::oci::ByteSource& source) {
    auto options = arguments.options;
    if (!arguments.lower.empty()) {
        options.lower_dirs = [&] {
            std::vector<int> fds;
            for (const auto& fd : arguments.lower) {
                fds.push_back(fd.get());
            }
            return fds;
        };
    }
    const auto target = nau::sys::open(arguments.target, O_PATH | O_DIRECTORY);
    const auto result =
        nau::storage::apply_layer(source, nau::oci::Compression::none, target.get(), options);
    fmt::print("{} {} unpacked {} entries {} inodes {} files {}\n",
               result.diff_id,
               to_string(result.compression),
               result.unpacked_bytes,
               result.entries,
               result.inodes,
               result.file_bytes);
}

int run(int argc, char** argv) {
    const Arguments arguments = parse_arguments(argc, argv);
    const auto begin = Clock::now();
    const auto blob = nau::sys::open(arguments.blob, O_RDONLY);
    const nau::oci::ByteSource source = [&](std::span<std::byte> buffer) {
        return nau::sys::read_some(
            blob.get(), reinterpret_cast<char*>(buffer.data()), buffer.size());
    };
    switch (arguments.task) {
        case Task::hash:
            hash_only(source);
            break;
        case Task::parse:
            parse_only(source);
            break;
        case Task::apply:
            apply(arguments, source);
            break;
    }
    const auto wall = Clock::now() - begin;
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto ms = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
    };
    fmt::print(stderr,
               "wall {:.1f} ms  user {:.1f} ms  system {:.1f} ms  peak {} kB\n",
               std::chrono::duration<double, std::milli>(wall).count(),
               ms(usage.ru_utime),
               ms(usage.ru_stime),
               usage.ru_maxrss);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const nau::Error& error) {
        fmt::print(stderr, "layer-apply: {}: {}\n", to_string(error.kind()), error.text());
        return 1;
    }
}
