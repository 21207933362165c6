// Figures for storage/README.md:
//   storage-bench DIRECTORY
// DIRECTORY is made and should be on the kind of file system that a store is on.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <fmt/core.h>

#include "base/error.h"
#include "storage/store.h"
#include "storage/trash.h"
#include "sys/file.h"
#include "tests/unit/storage/image_fixture.h"

namespace nau {
namespace {

using namespace storage;  // NOLINT(google-build-using-namespace): a benchmark of that module
using Micros = std::chrono::duration<double, std::micro>;

struct Bench {
    std::string directory;
    SystemClock clock;

    Store open(Access access) const {
        return Store::open({.graph_root = directory + "/graph",
                            .run_root = directory + "/run",
                            .access = access,
                            .clock = clock,
                            .layer_form = LayerForm::overlay_user});
    }
};

void report(const char* name, std::vector<double> micros) {
    std::sort(micros.begin(), micros.end());
    fmt::print("{:<44} min {:8.1f}  median {:8.1f}  p90 {:8.1f}  max {:8.1f} µs\n",
               name,
               micros.front(),
               micros[micros.size() / 2],
               micros[micros.size() * 9 / 10],
               micros.back());
}

void measure(const char* name,
             int rounds,
             std::chrono::milliseconds pause,
             const std::function<void()>& action) {
    std::vector<double> micros;
    for (int i = 0; i < rounds; ++i) {
        if (pause.count() > 0) {
            std::this_thread::sleep_for(pause);
        }
        const auto start = std::chrono::steady_clock::now();
        action();
        micros.push_back(Micros(std::chrono::steady_clock::now() - start).count());
    }
    report(name, micros);
}

Container make_container(const Store& store, const std::string& name) {
    auto container = test::make_container(store, name);
    container.labels = {{"org.example.project", "bench"}, {"maintainer", "nobody"}};
    container.image_id = oci::digest_of("config");
    container.manifest_digest = oci::digest_of("manifest");
    container.config = std::string(1500, 'c');
    container.spec = std::string(12'000, 's');
    return container;
}

ContainerId create(Store& store,
                   const std::string& name,
                   const oci::ChainId& chain_id,
                   Durability durability) {
    const auto container = make_container(store, name);
    Transaction tx(store.db());
    store.records().containers.create(tx, container);
    (void)store.snapshots().prepare(tx, SnapshotKey(container.id), chain_id, {});
    tx.commit(durability);
    return container.id;
}

void bench_database(const Bench& bench, const oci::ChainId& chain_id) {
    using std::chrono::milliseconds;
    Store store = bench.open(Access::write);
    (void)store.db().checkpoint();
    int count = 0;
    const auto next_name = [&] { return fmt::format("c{}", count++); };
    measure("create container + snapshot row, relaxed", 200, milliseconds(0), [&] {
        (void)create(store, next_name(), chain_id, Durability::relaxed);
    });
    fmt::print("  log: {} frames for 200 creates\n", store.db().log_frames());
    measure("checkpoint of that log", 1, milliseconds(0), [&] { (void)store.db().checkpoint(); });
    measure("create, durable", 100, milliseconds(10), [&] {
        (void)create(store, next_name(), chain_id, Durability::durable);
    });
    while (count < 1000) {
        (void)create(store, next_name(), chain_id, Durability::relaxed);
    }
    (void)store.db().checkpoint();
    const auto id = *store.records().containers.latest("default");
    measure("state update, relaxed", 200, milliseconds(0), [&] {
        Transaction tx(store.db());
        (void)store.records().containers.set_state(
            tx, id, {.status = ContainerStatus::running, .init = {.pid = 1, .start_time = 2}});
        tx.commit(Durability::relaxed);
    });
    (void)store.db().checkpoint();
    measure("list 1,000 containers", 100, milliseconds(0), [&] {
        (void)store.records().containers.list("default").size();
    });
    measure("resolve a name", 200, milliseconds(0), [&] {
        (void)store.records().containers.resolve("default", "c500");
    });
    measure("get one container with its documents", 200, milliseconds(0), [&] {
        (void)store.records().containers.get(id);
    });
    measure("mount spec of a container on 8 layers", 200, milliseconds(0), [&] {
        (void)store.snapshots().mount_spec(SnapshotKey(id));
    });
}

void bench_open(const Bench& bench) {
    using std::chrono::milliseconds;
    const auto lookup = [](Store& store) {
        (void)store.records().containers.find_by_name("default", "c500");
    };
    measure("open for reading + one lookup", 200, milliseconds(0), [&] {
        Store store = bench.open(Access::read);
        lookup(store);
    });
    measure("the same with pauses of 20 ms", 100, milliseconds(20), [&] {
        Store store = bench.open(Access::read);
        lookup(store);
    });
    measure("open for writing + one lookup", 200, milliseconds(0), [&] {
        Store store = bench.open(Access::write);
        lookup(store);
    });
    measure("open + list 1,000 + close", 100, milliseconds(0), [&] {
        Store store = bench.open(Access::read);
        (void)store.records().containers.list("default").size();
    });
    {
        Store store = bench.open(Access::write);
        (void)store.db().checkpoint();
        for (int i = 0; i < 512; ++i) {
            Transaction tx(store.db());
            store.db().execute("INSERT OR REPLACE INTO meta VALUES ('x', 'y')");
            tx.commit(Durability::relaxed);
        }
    }
    measure("open + lookup, log of 512 frames (2 MiB)", 200, milliseconds(0), [&] {
        Store store = bench.open(Access::read);
        lookup(store);
    });
    Store store = bench.open(Access::write);
    (void)store.db().checkpoint();
}

void bench_directories(const Bench& bench, const oci::ChainId& chain_id) {
    using std::chrono::milliseconds;
    Store store = bench.open(Access::write);
    for (const auto pause : {milliseconds(0), milliseconds(20)}) {
        std::vector<double> make;
        std::vector<double> take;
        std::vector<double> empty;
        for (int i = 0; i < 100; ++i) {
            std::this_thread::sleep_for(pause);
            Transaction tx(store.db());
            const auto snapshot = store.snapshots().prepare(
                tx, SnapshotKey::parse(fmt::format("bench-{}-{}", pause.count(), i)), chain_id, {});
            tx.commit(Durability::relaxed);
            const auto a = std::chrono::steady_clock::now();
            store.snapshots().make_directories(snapshot);
            const auto b = std::chrono::steady_clock::now();
            store.snapshots().discard(snapshot);
            const auto c = std::chrono::steady_clock::now();
            (void)Trash(store.paths()).empty();
            const auto d = std::chrono::steady_clock::now();
            make.push_back(Micros(b - a).count());
            take.push_back(Micros(c - b).count());
            empty.push_back(Micros(d - c).count());
        }
        fmt::print("pauses of {} ms:\n", pause.count());
        report("  make the directories of a snapshot", make);
        report("  discard them into the trash", take);
        report("  empty the trash", empty);
    }
}

void bench_content(const Bench& bench) {
    Store store = bench.open(Access::write);
    const std::string piece(size_t{1} << 20U, 'x');
    const auto ingest = [&](int seed) {
        std::string bytes;
        for (int i = 0; i < 16; ++i) {
            bytes += piece;
        }
        bytes += std::to_string(seed);
        auto one = store.content().begin_ingest(test::describe(bytes));
        for (size_t at = 0; at < bytes.size(); at += piece.size()) {
            one->write(std::string_view(bytes).substr(at, piece.size()));
        }
        return std::move(*one).verify();
    };
    for (const bool is_together : {false, true}) {
        std::vector<VerifiedIngest> verified;
        for (int i = 0; i < 10; ++i) {
            verified.push_back(ingest(i + (is_together ? 100 : 0)));
        }
        const auto start = std::chrono::steady_clock::now();
        if (is_together) {
            store.content().publish(std::move(verified));
        } else {
            for (auto& one : verified) {
                std::vector<VerifiedIngest> single;
                single.push_back(std::move(one));
                store.content().publish(std::move(single));
            }
        }
        fmt::print("publish ten blobs of 16 MiB {}: {:.1f} ms\n",
                   is_together ? "together" : "one by one",
                   Micros(std::chrono::steady_clock::now() - start).count() / 1000);
    }
}

/// Processes, as commands are: each round opens, writes and closes.
void bench_contention(const Bench& bench, int processes, int rounds) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<pid_t> children;
    for (int p = 0; p < processes; ++p) {
        const pid_t pid = ::fork();  // before any connection is open
        if (pid == 0) {
            try {
                for (int i = 0; i < rounds; ++i) {
                    Store store = bench.open(Access::write);
                    const auto id = ContainerId::generate();
                    {
                        auto container = make_container(store, id.to_string());
                        Transaction tx(store.db());
                        store.records().containers.create(tx, container);
                        tx.commit(Durability::relaxed);
                    }
                    (void)store.records().containers.list("default").size();
                    {
                        const auto found =
                            store.records().containers.resolve("default", id.to_string());
                        Transaction tx(store.db());
                        (void)store.records().containers.remove(tx, *found);
                        tx.commit(i % 8 == 0 ? Durability::durable : Durability::relaxed);
                    }
                    if (i % 10 == 0) {
                        store.upkeep();
                    }
                }
            } catch (const Error& error) {
                fmt::print(stderr, "{}\n", error.text());
                ::_exit(1);
            }
            ::_exit(0);
        }
        children.push_back(pid);
    }
    int failures = 0;
    for (const pid_t child : children) {
        int status = 0;
        (void)::waitpid(child, &status, 0);
        failures += status != 0 ? 1 : 0;
    }
    const double total = Micros(std::chrono::steady_clock::now() - start).count();
    fmt::print(
        "{} processes × {} rounds of open, create, list, remove: {:.0f} ms, {:.0f} µs a "
        "round, {} failures\n",
        processes,
        rounds,
        total / 1000,
        total / (processes * rounds),
        failures);
}

}  // namespace
}  // namespace nau

int main(int argc, char** argv) {
    if (argc != 2) {
        return 2;
    }
    try {
        nau::Bench bench;
        bench.directory = argv[1];
        nau::sys::make_directories(bench.directory, 0700);
        std::optional<nau::oci::ChainId> chain_id;
        {
            nau::storage::Store store = bench.open(nau::storage::Access::write);
            for (int i = 0; i < 8; ++i) {
                chain_id = nau::test::add_layer(store, fmt::format("layer{}", i), chain_id);
            }
        }
        nau::bench_contention(bench, 2, 200);
        nau::bench_contention(bench, 64, 20);
        nau::bench_database(bench, *chain_id);
        nau::bench_open(bench);
        nau::bench_directories(bench, *chain_id);
        nau::bench_content(bench);
    } catch (const nau::Error& error) {
        fmt::print(stderr, "{}\n", error.text());
        return 1;
    }
    return 0;
}
