// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/given_values.hpp"

#include "base/error.hpp"
#include "base/hex.hpp"
#include "base/strict_json.hpp"
#include "core/policy/pcr_policy.hpp"
#include "sys/tpm/digest.hpp"
#include "sys/tpm/pcr_bank.hpp"

#include <nlohmann/json.hpp>

#include <charconv>

namespace sealmount {

namespace {

std::string form_of(const PcrBank bank) {
    return std::to_string(2 * digest_size(bank)) + " hex digits, as the bank " +
           std::string{to_string(bank)} + " has them";
}

PcrBank read_bank(ObjectReader& reader) {
    const auto bank = bank_named(reader.string("bank"));
    if (!bank) {
        reader.fail("bank", "must be one of sha1, sha256, sha384, sha512");
    }
    return *bank;
}

} // namespace

std::pair<unsigned, Bytes> parse_pcr_value(const std::string_view text, const PcrBank bank) {
    const auto fail = [&](const std::string& why) -> Error {
        return {Reason::usage, "PCR value \"" + std::string{text} + "\": " + why};
    };
    const std::size_t equals = text.find('=');
    unsigned pcr = 0;
    const std::string_view number = text.substr(0, equals);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), pcr);
    if (equals == std::string_view::npos || error != std::errc{} || end != number.data() + number.size() ||
        pcr >= pcr_count) {
        throw fail("write a PCR number from 0 to 23, = and its value, such as 11=HEX");
    }
    auto value = from_hex(text.substr(equals + 1));
    if (!value || value->size() != digest_size(bank)) {
        throw fail("the value must be " + form_of(bank));
    }
    return {pcr, std::move(*value)};
}

NextValues read_next_values(const std::string_view text) {
    const Json document = parse_json(text);
    ObjectReader reader{document, ""};
    NextValues next{.bank = read_bank(reader), .values = {}, .unknown = {}};
    const Json& pcrs = reader.array("pcrs");
    for (std::size_t at = 0; at < pcrs.size(); ++at) {
        ObjectReader entry{pcrs[at], "pcrs[" + std::to_string(at) + "]"};
        if (pcrs[at].contains("bank") && read_bank(entry) != next.bank) {
            entry.fail("bank", "is another than that of the document: a signature is for one bank");
        }
        const std::int64_t number = entry.integer("pcr");
        if (number < 0 || number >= std::int64_t{pcr_count}) {
            entry.fail("pcr", "is no PCR: the numbers go from 0 to 23");
        }
        const auto pcr = static_cast<unsigned>(number);
        if (next.values.contains(pcr) || next.unknown.contains(pcr)) {
            entry.fail("pcr", "stands there twice");
        }
        if (pcrs[at].contains("next") && pcrs[at]["next"].is_null()) {
            next.unknown.insert(pcr);
            continue;
        }
        auto value = from_hex(entry.string("next"));
        if (!value || value->size() != digest_size(next.bank)) {
            entry.fail("next", "must be " + form_of(next.bank));
        }
        next.values.emplace(pcr, std::move(*value));
    }
    return next;
}

} // namespace sealmount
