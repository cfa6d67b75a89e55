// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/plain_master.hpp"

#include "core/unlock/plain_json.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace sealmount {

namespace {

struct PlainBank {
    std::string_view name;
    PcrBank bank;
    std::size_t digest_size;
};
constexpr std::array plain_banks = {
    PlainBank{"sha1", PcrBank::sha1, 20},
    PlainBank{"sha256", PcrBank::sha256, 32},
    PlainBank{"sha384", PcrBank::sha384, 48},
    PlainBank{"sha512", PcrBank::sha512, 64},
};

const PlainBank* plain_bank(const std::string_view name) noexcept {
    const auto* const found = std::ranges::find(plain_banks, name, &PlainBank::name);
    return found == plain_banks.end() ? nullptr : found;
}

/// Without a sign or a leading zero; pcr_count when it is not the number of a PCR.
unsigned plain_pcr(const std::string_view text) noexcept {
    if (text.empty() || text.size() > 2 || (text.size() == 2 && text.front() == '0')) {
        return pcr_count;
    }
    unsigned number = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') {
            return pcr_count;
        }
        number = 10 * number + static_cast<unsigned>(c - '0');
    }
    return std::min(number, pcr_count);
}

/// 2026-11-23T20:49:05Z
bool is_plain_time(const std::string_view text) noexcept {
    constexpr std::string_view form = "dddd-dd-ddTdd:dd:ddZ";
    return std::ranges::equal(text, form, [](const char c, const char expected) {
        return expected == 'd' ? c >= '0' && c <= '9' : c == expected;
    });
}

constexpr std::size_t plain_mac_size = 32;
constexpr std::size_t plain_signature_digits = 16;
constexpr unsigned no_sextet = 64;

unsigned sextet_of(const char c) noexcept {
    if (c >= 'A' && c <= 'Z') {
        return static_cast<unsigned>(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return static_cast<unsigned>(c - 'a') + 26;
    }
    if (c >= '0' && c <= '9') {
        return static_cast<unsigned>(c - '0') + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : no_sextet;
}

/// RFC 4648 with padding; nothing when it is anything else, or when bits are set that belong to no byte.
std::optional<std::vector<std::byte>> plain_base64(const std::string_view text) {
    if (text.empty() || text.size() % 4 != 0) {
        return std::nullopt;
    }
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    std::vector<std::byte> bytes;
    bytes.reserve(text.size() / 4 * 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_padding = i >= text.size() - padding;
        const unsigned sextet = is_padding ? 0 : sextet_of(text[i]);
        if (sextet == no_sextet) {
            return std::nullopt;
        }
        bits = bits << 6U | sextet;
        if (i % 4 == 3) {
            for (const unsigned shift : {16U, 8U, 0U}) {
                bytes.push_back(static_cast<std::byte>(bits >> shift & 0xffU));
            }
            bits = 0;
        }
    }
    for (std::size_t i = 0; i < padding; ++i) {
        if (bytes.back() != std::byte{0}) {
            return std::nullopt;
        }
        bytes.pop_back();
    }
    return bytes;
}

bool is_plain_base64_of(const std::string_view text, const std::size_t size) {
    const auto bytes = plain_base64(text);
    return bytes && bytes->size() == size;
}

/// The length of a DER element in its shortest form (X.690, 10.1), then so many bytes: taken off the front.
/// Empty when there are not so many.
std::span<const std::byte> take_der(std::span<const std::byte>& rest, const unsigned tag) noexcept {
    const auto byte = [&](const std::size_t i) { return std::to_integer<std::size_t>(rest[i]); };
    std::size_t header = 2;
    if (rest.size() < 4 || byte(0) != tag) {
        return {};
    }
    std::size_t length = byte(1);
    if (length == 0x81 && byte(2) >= 0x80) {
        header = 3;
        length = byte(2);
    } else if (length == 0x82 && byte(2) != 0) {
        header = 4;
        length = byte(2) << 8U | byte(3);
    } else if (length >= 0x80) {
        return {};
    }
    if (length > rest.size() - header) {
        return {};
    }
    const auto content = rest.subspan(header, length);
    rest = rest.subspan(header + length);
    return content;
}

/// A TPM2B whose size is its length.
bool is_plain_tpm2b(const std::span<const std::byte> bytes) noexcept {
    return bytes.size() > 2 && (std::to_integer<std::size_t>(bytes[0]) << 8U |
                                std::to_integer<std::size_t>(bytes[1])) == bytes.size() - 2;
}

enum SlotMember : std::size_t {
    member_id,
    member_type,
    member_policy,
    member_sealed,
    member_salt_of_recovery,
    member_nonce,
    member_wrapped,
    member_created,
    member_note,
    member_events,
    member_proof,
    slot_members
};
constexpr std::array<std::string_view, slot_members> slot_member_names = {
    "id", "type", "policy", "sealed", "salt", "nonce", "wrapped", "created", "note", "events", "proof"};

/// One slot being read, of either type.
class SlotReader {
  public:
    explicit SlotReader(PlainJson& json) : json_(json) {}

    [[nodiscard]] bool read() {
        return json_.object([&](const std::string_view name) { return member(members_.number_of(name)); }) &&
               is_whole();
    }

    [[nodiscard]] bool is_recovery() const { return type_ == "recovery"; }
    [[nodiscard]] PlainSlot& slot() { return slot_; }

  private:
    [[nodiscard]] bool member(const std::size_t number) {
        std::string_view text;
        switch (number) {
        case member_id:
            return json_.number(slot_.id) && slot_.id >= 1;
        case member_type:
            return json_.string(type_) && (type_ == "tpm" || type_ == "recovery");
        case member_policy:
            return read_policy();
        case member_sealed: {
            if (!json_.string(text)) {
                return false;
            }
            auto der = plain_base64(text);
            if (!der || !plain_sealed_areas(*der)) {
                return false;
            }
            slot_.sealed = std::move(*der);
            return true;
        }
        case member_salt_of_recovery: // sizes: core/master/master_file.hpp
            return json_.string(text) && is_plain_base64_of(text, 32);
        case member_nonce:
            return json_.string(text) && is_plain_base64_of(text, 12);
        case member_wrapped:
            return json_.string(text) && is_plain_base64_of(text, 48);
        case member_proof:
            return json_.string(text) && is_plain_base64_of(text, plain_mac_size);
        case member_created:
            return json_.string(text) && is_plain_time(text);
        case member_note:
            return json_.string(text);
        case member_events:
            return read_events();
        default:
            return false;
        }
    }

    [[nodiscard]] bool is_whole() const {
        const auto has_all = [&](const std::initializer_list<std::size_t> numbers) {
            return std::ranges::all_of(numbers,
                                       [&](const std::size_t number) { return members_.has(number); });
        };
        const auto has_none = [&](const std::initializer_list<std::size_t> numbers) {
            return std::ranges::none_of(numbers,
                                        [&](const std::size_t number) { return members_.has(number); });
        };
        if (!has_all({member_id, member_type, member_created})) {
            return false;
        }
        return is_recovery()
                   ? has_all({member_salt_of_recovery, member_nonce, member_wrapped, member_proof}) &&
                         has_none({member_policy, member_sealed, member_events})
                   : has_all({member_policy, member_sealed}) &&
                         has_none({member_salt_of_recovery, member_nonce, member_wrapped, member_proof});
    }

    /// {"pcrs": [{"bank": "sha256", "values": {"7": "HEX"}}]} and nothing else.
    [[nodiscard]] bool read_policy() {
        unsigned literals = 0;
        const auto read_one = [&] { return ++literals == 1 && read_literal(); };
        unsigned members = 0;
        return json_.object([&](const std::string_view name) {
            return name == "pcrs" && ++members == 1 && json_.array(read_one);
        }) && literals == 1;
    }

    [[nodiscard]] bool read_literal() {
        const PlainBank* bank = nullptr;
        bool has_values = false;
        const bool is_read = json_.object([&](const std::string_view name) {
            std::string_view text;
            if (name == "bank" && bank == nullptr) {
                bank = json_.string(text) ? plain_bank(text) : nullptr;
                return bank != nullptr;
            }
            if (name != "values" || has_values) {
                return false;
            }
            has_values = true;
            return read_values();
        });
        if (!is_read || bank == nullptr || slot_.selection.mask == 0) {
            return false;
        }
        slot_.selection.bank = bank->bank;
        for (unsigned pcr = 0; pcr < pcr_count; ++pcr) {
            if ((slot_.selection.mask >> pcr & 1U) != 0 &&
                !is_plain_hex(slot_.expected[pcr], 2 * bank->digest_size)) {
                return false;
            }
        }
        return true;
    }

    [[nodiscard]] bool read_values() {
        return json_.object([&](const std::string_view name) {
            const unsigned pcr = plain_pcr(name);
            const PcrMask bit = pcr < pcr_count ? PcrMask{1} << pcr : 0;
            const bool is_new = bit != 0 && (slot_.selection.mask & bit) == 0;
            slot_.selection.mask |= bit;
            return is_new && json_.string(slot_.expected[pcr]);
        });
    }

    /// {"sha256": {"7": ["16 hex digits", ...]}}: what was measured, for people. Only its form matters here.
    [[nodiscard]] bool read_events() {
        const auto read_mark = [&] {
            std::string_view mark;
            return json_.string(mark) && is_plain_hex(mark, 16);
        };
        unsigned banks = 0;
        return json_.object([&](const std::string_view name) {
            const PlainBank* const bank = plain_bank(name);
            const unsigned bit =
                bank == nullptr ? 0U : 1U << static_cast<unsigned>(bank - plain_banks.data());
            if (bit == 0 || (banks & bit) != 0) {
                return false;
            }
            banks |= bit;
            PcrMask pcrs = 0;
            return json_.object([&](const std::string_view number) {
                const unsigned pcr = plain_pcr(number);
                if (pcr == pcr_count || (pcrs >> pcr & 1U) != 0) {
                    return false;
                }
                pcrs |= PcrMask{1} << pcr;
                return json_.array(read_mark);
            });
        });
    }

    PlainJson& json_;
    PlainMembers<slot_members> members_{slot_member_names};
    PlainSlot slot_;
    std::string_view type_;
};

/// {"handle": "0x81000001", "name": "HEX"}, the name being one of SHA-256.
bool read_plain_srk(PlainJson& json, std::string_view& srk_name) {
    bool has_handle = false;
    bool has_name = false;
    return json.object([&](const std::string_view member) {
        std::string_view text;
        if (member == "handle" && !has_handle) {
            has_handle = true;
            return json.string(text) && text == "0x81000001";
        }
        if (member == "name" && !has_name) {
            has_name = true;
            return json.string(srk_name) && is_plain_hex(srk_name, 68) && srk_name.starts_with("000b");
        }
        return false;
    }) && has_handle &&
           has_name;
}

enum FileMember : std::size_t {
    member_file_version,
    member_srk,
    member_slots,
    member_may_rebind,
    member_keys,
    member_seal,
    member_recovery,
    file_members
};
constexpr std::array<std::string_view, file_members> file_member_names = {
    "version", "srk", "slots", "may_rebind", "keys", "seal", "recovery"};

/// ["SIGNATURE BASE64"]: of 32 bytes each; the signatures ascend.
bool read_plain_keys(PlainJson& json) {
    std::string_view last;
    return json.array([&] {
        std::string_view text;
        if (!json.string(text) || text.size() <= plain_signature_digits ||
            text[plain_signature_digits] != ' ') {
            return false;
        }
        const std::string_view signature = text.substr(0, plain_signature_digits);
        const bool is_next = signature > last;
        last = signature;
        return is_next && is_plain_hex(signature, plain_signature_digits) &&
               is_plain_base64_of(text.substr(plain_signature_digits + 1), plain_mac_size);
    });
}

/// Reads the slots into `file`.
class MasterReader {
  public:
    MasterReader(const std::string_view text, PlainJson& json, PlainMasterFile& file)
        : text_(text), json_(json), file_(file) {}

    [[nodiscard]] bool read() {
        return json_.object([&](const std::string_view name) { return member(members_.number_of(name)); }) &&
               json_.at_end() && members_.has(member_file_version) && members_.has(member_srk) &&
               members_.has(member_slots) && members_.has(member_keys) && members_.has(member_seal);
    }

  private:
    [[nodiscard]] bool member(const std::size_t number) {
        std::uint32_t version = 0;
        switch (number) {
        case member_file_version:
            return json_.number(version) && version == 2;
        case member_srk:
            return read_plain_srk(json_, file_.srk_name);
        case member_slots:
            return json_.array([&] { return read_slot(false); });
        case member_may_rebind:
            return !members_.has(member_seal) && json_.truth();
        case member_keys:
            return read_plain_keys(json_);
        case member_seal:
            return json_.string(file_.seal) && read_before_seal();
        case member_recovery:
            return json_.array([&] { return read_slot(true); });
        default:
            return false;
        }
    }

    /// As sealmount writes it. What comes behind it is none of the seal's: recovery keys only, since each
    /// other member is there once, and before it.
    [[nodiscard]] bool read_before_seal() {
        constexpr std::string_view begin = ",\n  \"seal\": \"";
        const std::string_view before =
            text_.substr(0, static_cast<std::size_t>(file_.seal.data() - text_.data()));
        if (!before.ends_with(begin) || members_.has(member_recovery)) {
            return false;
        }
        file_.before_seal = before.substr(0, before.size() - begin.size());
        return members_.has(member_file_version) && members_.has(member_srk) && members_.has(member_slots) &&
               members_.has(member_keys);
    }

    [[nodiscard]] bool read_slot(const bool is_recovery) {
        SlotReader reader{json_};
        if (!reader.read() || reader.is_recovery() != is_recovery ||
            std::ranges::find(ids_, reader.slot().id) != ids_.end()) {
            return false;
        }
        ids_.push_back(reader.slot().id);
        if (is_recovery) {
            return true;
        }
        if (!file_.slots.empty() && file_.slots.front().selection.bank != reader.slot().selection.bank) {
            return false;
        }
        file_.slots.push_back(std::move(reader.slot()));
        return true;
    }

    std::string_view text_;
    PlainJson& json_;
    PlainMasterFile& file_;
    PlainMembers<file_members> members_{file_member_names};
    std::vector<std::uint32_t> ids_;
};

bool holds(const RawPcrs& present, const unsigned pcr, const std::string_view expected) noexcept {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto value = present.value(pcr);
    if (expected.size() != 2 * value.size()) {
        return false;
    }
    for (std::size_t i = 0; i < value.size(); ++i) {
        const auto byte = std::to_integer<std::size_t>(value[i]);
        if (expected[2 * i] != digits[byte >> 4U] || expected[2 * i + 1] != digits[byte & 15U]) {
            return false;
        }
    }
    return true;
}

/// Cuts a word off that one space ends.
std::string_view take_plain_word(std::string_view& text) noexcept {
    const std::size_t end = text.find(' ');
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return word;
}

} // namespace

std::optional<PlainSealedAreas> plain_sealed_areas(std::span<const std::byte> der) noexcept {
    constexpr std::size_t kernel_limit = 512; // MAX_BLOB_SIZE of the kernel
    constexpr std::array<unsigned char, 20> beginning = {
        0x06, 0x06, 0x67, 0x81, 0x05, 0x0a, 0x01, 0x05, // type: 2.23.133.10.1.5
        0xa0, 0x03, 0x01, 0x01, 0xff,                   // emptyAuth: [0] TRUE
        0x02, 0x05, 0x00, 0x81, 0x00, 0x00, 0x01};      // parent: 0x81000001
    if (der.size() > kernel_limit) {
        return std::nullopt;
    }
    auto content = take_der(der, 0x30);
    if (!der.empty() || content.size() < beginning.size() ||
        !std::ranges::equal(content.first(beginning.size()), std::as_bytes(std::span{beginning}))) {
        return std::nullopt;
    }
    content = content.subspan(beginning.size());
    const PlainSealedAreas areas{.public_area = take_der(content, 0x04),
                                 .private_area = take_der(content, 0x04)};
    const bool is_whole =
        content.empty() && is_plain_tpm2b(areas.public_area) && is_plain_tpm2b(areas.private_area);
    return is_whole ? std::optional{areas} : std::nullopt;
}

PcrSelection PlainMasterFile::needs() const noexcept {
    PcrSelection all;
    for (const PlainSlot& slot : slots) {
        all.bank = slot.selection.bank;
        all.mask |= slot.selection.mask;
    }
    return all;
}

std::optional<PlainMasterFile> read_plain_master(const std::string_view text) {
    PlainJson json{text};
    PlainMasterFile file;
    MasterReader reader{text, json, file};
    return reader.read() ? std::optional{std::move(file)} : std::nullopt;
}

const PlainSlot* fitting_slot(const PlainMasterFile& file, const RawPcrs& present) noexcept {
    for (const PlainSlot& slot : file.slots) {
        bool fits = true;
        for (unsigned pcr = 0; pcr < pcr_count && fits; ++pcr) {
            fits = (slot.selection.mask >> pcr & 1U) == 0 || holds(present, pcr, slot.expected[pcr]);
        }
        if (fits) {
            return &slot;
        }
    }
    return nullptr;
}

bool is_plain_key_text(std::string_view text) noexcept {
    constexpr std::size_t blob_digits = 2 * (16 + 1 + 64 + 32);
    if (take_plain_word(text) != "ecryptfs") {
        return false;
    }
    const std::string_view master = take_plain_word(text);
    const std::string_view name = master.substr(std::min(master.find(':'), master.size() - 1) + 1);
    const bool is_named =
        (master.starts_with("trusted:") || master.starts_with("user:")) && is_plain_name(name);
    return is_named && take_plain_word(text) == "64" && is_plain_hex(text, blob_digits);
}

} // namespace sealmount
