// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/policy/given_values.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
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
    return formatted("{} hex digits, as the bank {} has them", 2 * digest_size(bank), to_string(bank));
}

PcrBank read_bank(ObjectReader& reader) {
    const auto bank = bank_named(reader.string("bank"));
    if (!bank) {
        reader.fail("bank", formatted("must be {}", known_banks));
    }
    return *bank;
}

} // namespace

std::pair<unsigned, Bytes> parse_pcr_value(const std::string_view text, const PcrBank bank) {
    const auto error_of = [&](const std::string_view what) {
        return Error{Reason::usage, formatted("PCR value \"{}\": {}", text, what)};
    };
    const std::size_t equals = text.find('=');
    unsigned pcr = 0;
    const std::string_view number = text.substr(0, equals);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), pcr);
    if (equals == std::string_view::npos || error != std::errc{} || end != number.data() + number.size() ||
        pcr >= pcr_count) {
        throw error_of("write a PCR number from 0 to 23, = and its value, such as 11=HEX");
    }
    auto value = from_hex(text.substr(equals + 1));
    if (!value || value->size() != digest_size(bank)) {
        throw error_of("the value must be " + form_of(bank));
    }
    return {pcr, std::move(*value)};
}

NextValues read_next_values(const std::string_view text) {
    const Json document = parse_json(text);
    ObjectReader reader{document, ""};
    NextValues next{.bank = read_bank(reader), .values = {}, .unknown = {}};
    const Json& pcrs = reader.array("pcrs");
    for (std::size_t at = 0; at < pcrs.size(); ++at) {
        ObjectReader entry{pcrs[at], formatted("pcrs[{}]", at)};
        if (pcrs[at].contains("bank") && read_bank(entry) != next.bank) {
            entry.fail("bank", "is not that of the document: a signature is for one bank");
        }
        const std::int64_t number = entry.integer("pcr");
        if (number < 0 || number >= std::int64_t{pcr_count}) {
            entry.fail("pcr", "is not a PCR: the numbers go from 0 to 23");
        }
        const auto pcr = static_cast<unsigned>(number);
        if (next.values.contains(pcr) || next.unknown.contains(pcr)) {
            entry.fail("pcr", "appears twice");
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
