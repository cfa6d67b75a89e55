// PE images: the sections, and what their Authenticode digest covers.
//
// Sources: Microsoft PE Format (headers, section table); Windows Authenticode Portable Executable Signature
// Format, "Calculating the PE Image Hash", which is what firmware measures of an image (TCG PC Client
// Platform Firmware Profile 1.05, 10.2.3).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/byte_reader.hpp"
#include "sys/crypto/crypto.hpp"
#include "sys/tpm/pcr.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// A PE image in memory. Refers to the file's bytes, which must outlive it.
class PeImage {
  public:
    /// Nothing when the bytes are not a PE image, or one whose headers point outside it.
    [[nodiscard]] static std::optional<PeImage> parse(BytesView file);

    /// The digest in the bank's algorithm, as firmware computes it over the bytes that it loaded: files of
    /// odd sizes are not padded (edk2, SecurityPkg/Tcg/Tcg2Dxe/MeasureBootPeCoff.c), though programs that
    /// sign do pad them.
    [[nodiscard]] Bytes authenticode(PcrBank bank) const;

    /// Does it carry a certificate table, so that Secure Boot may accept it?
    [[nodiscard]] bool is_signed() const noexcept { return certificates_size_ > 0; }

    /// The certificates within all signatures (WIN_CERTIFICATE with PKCS #7), in DER form and their
    /// order there; empty when there is none that can be read.
    [[nodiscard]] std::vector<Bytes> certificates() const;

    [[nodiscard]] bool has_section(std::string_view name) const;
    /// The first section of this name, as it lies in memory once the image is loaded: VirtualSize bytes,
    /// zeros where the file has none. Nothing when there is none, or it is empty; Error{bad_data} when it
    /// claims to be more than 1 MiB longer than it is in the file.
    [[nodiscard]] std::optional<Bytes> section(std::string_view name) const;
    [[nodiscard]] unsigned count_sections(std::string_view name) const;

  private:
    struct Header {
        std::string name;
        std::uint32_t virtual_size;
        std::uint32_t raw_size;
        std::uint32_t raw_offset;
    };

    explicit PeImage(const BytesView file) : file_(file) {}

    /// The next entry of the section table; nothing when it is cut short, or points outside the file.
    static std::optional<Header> read_section(ByteReader& table, std::size_t file_size);

    BytesView file_;
    std::size_t checksum_at_ = 0;                  ///< four bytes that the digest leaves out
    std::optional<std::size_t> certificate_entry_; ///< eight bytes that it leaves out
    std::uint32_t headers_size_ = 0;
    std::uint32_t certificates_size_ = 0; ///< at the file's end, left out as well
    std::vector<Header> sections_;
};

} // namespace sealmount
