// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/master/tpm_key.hpp"

#include "base/error.hpp"
#include "base/format.hpp"

#include <openssl/asn1.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <string>

namespace sealmount {

namespace {

using Bytes = std::vector<std::byte>;
using BytesView = std::span<const std::byte>;

/// 2.23.133.10.1.5, id-sealedkey of the TCG.
constexpr std::array sealed_key_oid = {std::byte{0x67}, std::byte{0x81}, std::byte{0x05},
                                       std::byte{0x0a}, std::byte{0x01}, std::byte{0x05}};

/// MAX_BLOB_SIZE in include/keys/trusted-type.h.
constexpr std::size_t kernel_blob_limit = 512;

[[noreturn]] void refuse(const std::string& why) {
    throw Error{Reason::bad_data, formatted("not a sealed TPMKey: {}", why)};
}

/// What one element is: its class and number, and whether it holds other elements.
struct Kind {
    int tag;
    int tag_class = V_ASN1_UNIVERSAL;
    bool constructed = false;

    bool operator==(const Kind&) const = default;
};

constexpr Kind sequence{.tag = V_ASN1_SEQUENCE, .constructed = true};
constexpr Kind explicit_0{.tag = 0, .tag_class = V_ASN1_CONTEXT_SPECIFIC, .constructed = true};

/// Takes elements off the front of DER. Refers to the bytes.
class Reader {
  public:
    explicit Reader(const BytesView data) : rest_(data) {}

    [[nodiscard]] bool at_end() const { return rest_.empty(); }
    [[nodiscard]] bool next_is(const Kind& kind) const { return !rest_.empty() && peek().kind == kind; }

    [[nodiscard]] BytesView take(const Kind& kind, const std::string& what) {
        if (rest_.empty()) {
            refuse(formatted("it ends before {}", what));
        }
        const Element element = peek();
        if (element.kind != kind) {
            refuse(formatted("something else is in the place of {}", what));
        }
        rest_ = rest_.subspan(element.header + element.content.size());
        return element.content;
    }

  private:
    struct Element {
        Kind kind;
        std::size_t header;
        BytesView content;
    };

    [[nodiscard]] Element peek() const {
        const auto* const start = reinterpret_cast<const unsigned char*>(rest_.data());
        const unsigned char* position = start;
        long length = 0;
        int tag = 0;
        int tag_class = 0;
        ::ERR_set_mark();
        const int bits =
            ::ASN1_get_object(&position, &length, &tag, &tag_class, static_cast<long>(rest_.size()));
        ::ERR_pop_to_mark();
        // 0x80: an error, or a length beyond the end; 0x01: the indefinite length that DER does not have.
        if ((bits & 0x80) != 0 || (bits & 0x01) != 0) {
            refuse("it is cut off, or not DER");
        }
        const auto header = static_cast<std::size_t>(position - start);
        return {.kind = {.tag = tag, .tag_class = tag_class, .constructed = (bits & V_ASN1_CONSTRUCTED) != 0},
                .header = header,
                .content = rest_.subspan(header, static_cast<std::size_t>(length))};
    }

    BytesView rest_;
};

Bytes element(const Kind& kind, const BytesView content) {
    const int constructed = kind.constructed ? 1 : 0;
    const int length = static_cast<int>(content.size());
    const int whole = ::ASN1_object_size(constructed, length, kind.tag);
    if (whole < 0) {
        throw Error{Reason::internal, "a part of a TPMKey is too long for DER"};
    }
    Bytes result(static_cast<std::size_t>(whole));
    auto* position = reinterpret_cast<unsigned char*>(result.data());
    ::ASN1_put_object(&position, constructed, length, kind.tag, kind.tag_class);
    std::ranges::copy(content, result.end() - length);
    return result;
}

void append(Bytes& to, const Bytes& bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}

/// The handle as a number: a leading zero byte keeps the top bit from being a sign.
Bytes encode_handle(const std::uint32_t handle) {
    Bytes bytes;
    for (int shift = 24; shift >= 0; shift -= 8) {
        bytes.push_back(static_cast<std::byte>(handle >> shift));
    }
    while (bytes.size() > 1 && bytes.front() == std::byte{0}) {
        bytes.erase(bytes.begin());
    }
    if ((bytes.front() & std::byte{0x80}) != std::byte{0}) {
        bytes.insert(bytes.begin(), std::byte{0});
    }
    return bytes;
}

/// As the kernel reads it, which takes the bytes for an unsigned number with or without the leading zero
/// byte.
std::uint32_t decode_handle(const BytesView bytes) {
    const bool fits =
        !bytes.empty() && (bytes.size() <= 4 || (bytes.size() == 5 && bytes.front() == std::byte{0}));
    if (!fits) {
        refuse("its parent is not a handle of 32 bits");
    }
    std::uint32_t handle = 0;
    for (const std::byte byte : bytes) {
        handle = (handle << 8U) | std::to_integer<std::uint32_t>(byte);
    }
    return handle;
}

bool is_tpm2b(const BytesView bytes) {
    return bytes.size() > 2 &&
           std::to_integer<std::size_t>(bytes[0]) * 256 + std::to_integer<std::size_t>(bytes[1]) ==
               bytes.size() - 2;
}

Bytes take_tpm2b(Reader& reader, const std::string& what) {
    const BytesView content = reader.take({.tag = V_ASN1_OCTET_STRING}, what);
    if (!is_tpm2b(content)) {
        refuse(formatted("the size field of {} is not its length", what));
    }
    return {content.begin(), content.end()};
}

} // namespace

std::vector<std::byte> write_tpm_key(const SealedObject& object) {
    if (!is_tpm2b(object.public_area) || !is_tpm2b(object.private_area)) {
        throw Error{Reason::internal, "a sealed object holds a TPM2B whose size field is not its length"};
    }
    constexpr std::array true_value = {std::byte{0xff}};
    Bytes content = element({.tag = V_ASN1_OBJECT}, sealed_key_oid);
    append(content, element(explicit_0, element({.tag = V_ASN1_BOOLEAN}, true_value)));
    append(content, element({.tag = V_ASN1_INTEGER}, encode_handle(object.parent)));
    append(content, element({.tag = V_ASN1_OCTET_STRING}, object.public_area));
    append(content, element({.tag = V_ASN1_OCTET_STRING}, object.private_area));
    Bytes der = element(sequence, content);
    if (der.size() > kernel_blob_limit) {
        throw Error{Reason::internal, "the sealed object is too long for a trusted key of the kernel"};
    }
    return der;
}

SealedObject read_tpm_key(const std::span<const std::byte> der) {
    Reader document{der};
    Reader reader{document.take(sequence, "the sequence")};
    if (!document.at_end()) {
        refuse("something stands behind its end");
    }
    if (!std::ranges::equal(reader.take({.tag = V_ASN1_OBJECT}, "the type"), sealed_key_oid)) {
        refuse("its type is another one (2.23.133.10.1.5 is wanted)");
    }
    if (reader.next_is(explicit_0)) {
        Reader inner{reader.take(explicit_0, "emptyAuth")};
        // The value is not looked at: the kernel writes TRUE as 01, others as ff, and no reader of its own
        // cares.
        if (inner.take({.tag = V_ASN1_BOOLEAN}, "emptyAuth").size() != 1 || !inner.at_end()) {
            refuse("emptyAuth is not a truth value");
        }
    }
    SealedObject object;
    object.parent = decode_handle(reader.take({.tag = V_ASN1_INTEGER}, "the parent"));
    object.public_area = take_tpm2b(reader, "the public area");
    object.private_area = take_tpm2b(reader, "the private area");
    if (!reader.at_end()) {
        refuse("it holds an element that the kernel does not know");
    }
    return object;
}

} // namespace sealmount
