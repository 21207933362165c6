#pragma once

// Writes the tar of a layer, of an archive of images or of an exported root file system. Equal
// entries give equal bytes, whenever and wherever they are written: nothing of the clock, of the
// machine or of a library version gets in.
//
//   add(entry) ─▶ write_content(…) as often as needed, entry.size bytes in all ─▶ add(…) … ─▶
//   finish()
//
// Headers are ustar. What ustar cannot say (long names, large ids and sizes, fractions of seconds,
// times before 1970, extended attributes) stands in a pax header in front of it, and only then.
// Names are raw bytes, as LayerEntry has them. Holes of sparse files are written as zeros: which
// blocks of a file are holes is the file system's affair, and two equal trees must give one digest.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "oci/layer/byte_sink.h"
#include "oci/layer/layer_entry.h"

namespace nau::oci {

class TarWriter {
  public:
    /// `sink` is called with pieces of up to 64 KiB, or larger ones as write_content() gets them.
    explicit TarWriter(ByteSink sink);
    ~TarWriter() = default;
    TarWriter(const TarWriter&) = delete;
    TarWriter& operator=(const TarWriter&) = delete;
    TarWriter(TarWriter&&) = delete;
    TarWriter& operator=(TarWriter&&) = delete;

    /// A directory's path gets its slash here. `sparse_map` and `accessed` are not looked at.
    /// @throws Error{invalid} an entry that no tar can hold (an attribute whose name has a '=');
    /// what the sink throws
    /// @pre the content of the entry before is complete
    void add(const LayerEntry& entry);
    /// The next bytes of the content of a regular file. @pre no more than its size
    void write_content(std::span<const std::byte> bytes);
    void write_content(std::string_view bytes);
    /// The rest of the current file's content, copied by `copy` to where the sink writes, past it.
    void write_content_by(const std::function<void(uint64_t size)>& copy);
    /// Bytes of the current file that are still to come.
    uint64_t content_left() const noexcept { return content_left_; }
    /// The rest of the current file as zeros.
    void fill_with_zeros();
    /// The two blocks that end an archive, and what was gathered. Nothing may follow.
    void finish();

    /// All bytes so far.
    uint64_t size_bytes() const noexcept { return size_bytes_; }

  private:
    void put(std::string_view bytes);
    void flush();
    void pad();

    ByteSink sink_;
    std::string buffer_;
    uint64_t size_bytes_ = 0;
    uint64_t content_left_ = 0;
};

}  // namespace nau::oci
