// Limits of block devices.

#include "base/error.h"
#include "base/parse.h"
#include "subcommands/flags/create_flags.h"

namespace nau::subcommands {

namespace {

using engine::DeviceNumber;

void declare_device_list(cli::FlagSet& flags,
                         std::string_view names,
                         std::string_view value_name,
                         std::string_view description,
                         DeviceNumber (*parse)(std::string_view),
                         std::vector<DeviceNumber>& target) {
    flags
        .parsed(names,
                value_name,
                description,
                [parse, &target](std::string_view text) { target.push_back(parse(text)); })
        .repeatable();
}

}  // namespace

void declare_block_io_flags(cli::FlagSet& flags, engine::BlockIoOptions& block_io) {
    flags.parsed("--blkio-weight",
                 "WEIGHT",
                 "Weight against other containers at block devices, from 10 to 1000",
                 [&block_io](std::string_view text) {
                     constexpr uint64_t kLeast = 10;
                     constexpr uint64_t kMost = 1000;
                     const auto weight = parse_uint64(text);
                     if (weight && *weight == 0) {
                         block_io.weight.reset();  // as podman: none
                         return;
                     }
                     if (!weight || *weight < kLeast || *weight > kMost) {
                         throw Error(ErrorKind::invalid, "is not from 10 to 1000");
                     }
                     block_io.weight = static_cast<uint16_t>(*weight);
                 });
    declare_device_list(flags,
                        "--blkio-weight-device",
                        "DEVICE:WEIGHT",
                        "The same at one device",
                        engine::parse_device_weight_flag,
                        block_io.weights);
    declare_device_list(flags,
                        "--device-read-bps",
                        "DEVICE:BYTES",
                        "Limit the bytes read from a device each second",
                        engine::parse_device_bytes_flag,
                        block_io.read_bytes);
    declare_device_list(flags,
                        "--device-write-bps",
                        "DEVICE:BYTES",
                        "Limit the bytes written to a device each second",
                        engine::parse_device_bytes_flag,
                        block_io.write_bytes);
    declare_device_list(flags,
                        "--device-read-iops",
                        "DEVICE:NUMBER",
                        "Limit the reads from a device each second",
                        engine::parse_device_count_flag,
                        block_io.reads);
    declare_device_list(flags,
                        "--device-write-iops",
                        "DEVICE:NUMBER",
                        "Limit the writes to a device each second",
                        engine::parse_device_count_flag,
                        block_io.writes);
}

}  // namespace nau::subcommands
