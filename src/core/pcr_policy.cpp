// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/pcr_policy.hpp"

#include "base/error.hpp"
#include "base/hex.hpp"
#include "base/strict_json.hpp"
#include "sys/crypto.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace sealmount {

namespace {

struct Bank {
    PcrBank bank;
    std::string_view name;
    std::size_t digest_size;
};

constexpr std::array banks = {
    Bank{PcrBank::sha1, "sha1", 20},
    Bank{PcrBank::sha256, "sha256", 32},
    Bank{PcrBank::sha384, "sha384", 48},
    Bank{PcrBank::sha512, "sha512", 64},
};

const Bank* find_bank(const std::string_view name) {
    const auto* const found = std::ranges::find(banks, name, &Bank::name);
    return found == banks.end() ? nullptr : found;
}

const Bank& bank_of(const PcrBank bank) {
    const auto* const found = std::ranges::find(banks, bank, &Bank::bank);
    if (found == banks.end()) {
        throw Error{Reason::internal, "a PCR bank of an unknown hash algorithm"};
    }
    return *found;
}

constexpr std::string_view known_banks = "one of sha1, sha256, sha384, sha512";

/// Only the canonical spelling: no sign, no leading zero.
std::optional<unsigned> pcr_number(const std::string_view text) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_good = error == std::errc{} && end == text.data() + text.size() && number < pcr_count &&
                         (text.size() == 1 || text.front() != '0');
    return is_good ? std::optional{number} : std::nullopt;
}

std::string in_quotes(const std::string_view text) {
    return Json(std::string{text}).dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace

PcrSelection PcrPolicy::selection() const {
    PcrMask mask = 0;
    for (const auto& [pcr, value] : values) {
        mask |= PcrMask{1} << pcr;
    }
    return {.bank = bank, .mask = mask};
}

PcrSelection parse_pcr_selection(const std::string_view text) {
    const auto fail = [&](const std::string& why) {
        throw Error{Reason::usage, "PCR selection " + in_quotes(text) + ": " + why};
    };
    PcrSelection selection;
    std::string_view list = text;
    if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
        list = text.substr(0, colon);
        const Bank* const bank = find_bank(text.substr(colon + 1));
        if (bank == nullptr) {
            fail("the bank behind the colon must be " + std::string{known_banks});
        } else {
            selection.bank = bank->bank;
        }
    }
    for (bool more = true; more;) {
        const std::size_t plus = list.find('+');
        const std::optional<unsigned> pcr = pcr_number(list.substr(0, plus));
        if (!pcr) {
            fail("write PCR numbers from 0 to 23, joined by +, such as 7+11");
        } else if ((selection.mask & (PcrMask{1} << *pcr)) != 0) {
            fail("PCR " + std::to_string(*pcr) + " stands there twice");
        } else {
            selection.mask |= PcrMask{1} << *pcr;
        }
        more = plus != std::string_view::npos;
        list.remove_prefix(more ? plus + 1 : list.size());
    }
    return selection;
}

std::string to_string(const PcrSelection selection) {
    std::string text;
    for (unsigned pcr = 0; pcr < pcr_count; ++pcr) {
        if ((selection.mask & (PcrMask{1} << pcr)) != 0) {
            text += (text.empty() ? "" : "+") + std::to_string(pcr);
        }
    }
    return text + ":" + std::string{to_string(selection.bank)};
}

std::string_view to_string(const PcrBank bank) {
    return bank_of(bank).name;
}

PolicyDigest policy_digest(const PcrPolicy& policy) {
    const auto byte_of = [](const std::uint32_t value, const unsigned shift) {
        return static_cast<std::byte>((value >> shift) & 0xffU);
    };
    Bytes all_values;
    for (const auto& [pcr, value] : policy.values) {
        all_values.insert(all_values.end(), value.begin(), value.end());
    }
    const PolicyDigest fresh{};
    constexpr std::array command_code = {std::byte{0x00}, std::byte{0x00}, std::byte{0x01}, std::byte{0x7f}};
    const auto bank = static_cast<std::uint16_t>(policy.bank);
    const PcrMask mask = policy.selection().mask;
    // TPML_PCR_SELECTION (TPM 2.0 Part 2, 10.9.7): one TPMS_PCR_SELECTION with three bytes of mask, PCR 0
    // first.
    const std::array selection = {std::byte{0},     std::byte{0},     std::byte{0}, std::byte{1},
                                  byte_of(bank, 8), byte_of(bank, 0), std::byte{3}, byte_of(mask, 0),
                                  byte_of(mask, 8), byte_of(mask, 16)};
    return sha256({fresh, command_code, selection, sha256({all_values})});
}

std::vector<PcrMismatch> compare(const PcrPolicy& policy, const PcrValues& present) {
    std::vector<PcrMismatch> mismatches;
    for (const auto& [pcr, expected] : policy.values) {
        const auto found = present.find(pcr);
        if (found == present.end()) {
            mismatches.push_back({.pcr = pcr, .expected = to_hex(expected), .found = ""});
        } else if (found->second != expected) {
            mismatches.push_back({.pcr = pcr, .expected = to_hex(expected), .found = to_hex(found->second)});
        }
    }
    return mismatches;
}

std::string_view pcr_meaning(const unsigned pcr) {
    static constexpr std::array<std::string_view, pcr_count> meanings = {
        "firmware code",
        "firmware configuration",
        "option ROMs and other added firmware code",
        "configuration of added firmware code",
        "boot loader",
        "partition table and boot loader configuration",
        "what the machine's manufacturer decides",
        "Secure Boot policy",
        "GRUB commands and kernel command line",
        "initrd and files that GRUB read",
        "IMA measurements of running files",
        "unified kernel image",
        "kernel command line and credentials",
        "system extensions",
        "shim certificates (MOK)",
        "machine id and file systems",
        "debugging",
        "dynamic launch (DRTM)",
        "dynamic launch (DRTM)",
        "dynamic launch (DRTM)",
        "dynamic launch (DRTM)",
        "dynamic launch (DRTM)",
        "dynamic launch (DRTM)",
        "what applications decide",
    };
    return pcr < pcr_count ? meanings[pcr] : "no PCR of a PC";
}

Json to_json(const PcrPolicy& policy) {
    Json values = Json::object();
    for (const auto& [pcr, value] : policy.values) {
        values[std::to_string(pcr)] = to_hex(value);
    }
    Json json = Json::object();
    json["type"] = "pcr";
    json["bank"] = to_string(policy.bank);
    json["values"] = std::move(values);
    return json;
}

PcrPolicy pcr_policy_from_json(const Json& value, const std::string& path) {
    ObjectReader reader{value, path};
    const std::string type = reader.string("type");
    if (type != "pcr") {
        reader.fail("type",
                    in_quotes(type) + " is no kind of policy that this version knows: only \"pcr\" is");
    }
    const std::string bank_name = reader.string("bank");
    const Bank* const bank = find_bank(bank_name);
    if (bank == nullptr) {
        reader.fail("bank", in_quotes(bank_name) + " is no PCR bank: it must be " + std::string{known_banks});
    }
    const Json& values = reader.object("values");
    reader.finish();
    if (values.empty()) {
        reader.fail("values", "names no PCR: such a policy would be satisfied in any state");
    }
    PcrPolicy policy{.bank = bank->bank, .values = {}};
    ObjectReader value_reader{values, reader.path_of("values")};
    for (const auto& [number, ignored] : values.items()) {
        const std::optional<unsigned> pcr = pcr_number(number);
        if (!pcr) {
            value_reader.fail(number, "is no PCR: the numbers go from 0 to 23");
        }
        const std::string hex = value_reader.string(number);
        if (!is_lower_hex(hex, 2 * bank->digest_size)) {
            value_reader.fail(number,
                              "must be " + std::to_string(2 * bank->digest_size) + " lower-case hex digits");
        }
        policy.values.emplace(*pcr, *from_hex(hex));
    }
    return policy;
}

} // namespace sealmount
