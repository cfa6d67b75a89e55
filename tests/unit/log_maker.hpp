// Event logs made by hand, byte by byte, for tests.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/events/event_log.hpp"
#include "sys/tpm/digest.hpp"

#include <string_view>
#include <vector>

namespace sealmount::test {

inline void put(Bytes& out, const std::uint64_t value, const unsigned size) {
    for (unsigned at = 0; at < size; ++at) {
        out.push_back(static_cast<std::byte>(at < sizeof value ? value >> (8 * at) : 0));
    }
}

inline void put(Bytes& out, const BytesView bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

inline Bytes bytes_of(const std::string_view text) {
    return Bytes{as_bytes(text).begin(), as_bytes(text).end()};
}

/// UTF-16LE without a NUL; ASCII only.
inline Bytes wide(const std::string_view text) {
    Bytes out;
    for (const char c : text) {
        put(out, static_cast<unsigned char>(c), 2);
    }
    return out;
}

inline Bytes wide_with_nul(const std::string_view text) {
    Bytes out = wide(text);
    put(out, 0, 2);
    return out;
}

/// A log in the crypto-agile form; `measured` is what is hashed.
class AgileLog {
  public:
    explicit AgileLog(std::vector<PcrBank> banks) : banks_(std::move(banks)) {
        Bytes spec = bytes_of(std::string_view{"Spec ID Event03\0\0\0\0\0\0\2\0\2", 24});
        put(spec, banks_.size(), 4);
        for (const PcrBank bank : banks_) {
            put(spec, static_cast<std::uint16_t>(bank), 2);
            put(spec, digest_size(bank), 2);
        }
        put(spec, 0, 1);
        put(bytes, 0, 4);
        put(bytes, 3, 4);
        put(bytes, Bytes(20));
        put(bytes, spec.size(), 4);
        put(bytes, spec);
    }

    AgileLog& add(const unsigned pcr, const EventType type, const BytesView measured, const BytesView data) {
        put(bytes, pcr, 4);
        put(bytes, static_cast<std::uint32_t>(type), 4);
        put(bytes, banks_.size(), 4);
        for (const PcrBank bank : banks_) {
            put(bytes, static_cast<std::uint16_t>(bank), 2);
            put(bytes, digest(bank, {measured}));
        }
        put(bytes, data.size(), 4);
        put(bytes, data);
        return *this;
    }

    AgileLog& add(const unsigned pcr, const EventType type, const BytesView measured) {
        return add(pcr, type, measured, measured);
    }

    [[nodiscard]] EventLog parsed() const { return parse_event_log(bytes, "log"); }

    Bytes bytes;

  private:
    std::vector<PcrBank> banks_;
};

} // namespace sealmount::test
