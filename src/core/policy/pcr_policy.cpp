// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/policy/pcr_policy.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"
#include "base/strict_json.hpp"
#include "base/text.hpp"
#include "core/policy/policy_digest.hpp"
#include "sys/tpm/digest.hpp"
#include "sys/tpm/pcr_bank.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

namespace sealmount {

namespace {

/// Only the canonical spelling of a number: no sign, no leading zero.
std::optional<unsigned> pcr_number(const std::string_view text) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_good = error == std::errc{} && end == text.data() + text.size() && number < pcr_count &&
                         (text.size() == 1 || text.front() != '0');
    return is_good ? std::optional{number} : std::nullopt;
}

std::optional<unsigned> pcr_of(const std::string_view text) {
    const auto named = pcr_named(text);
    return named ? named : pcr_number(text);
}

} // namespace

PcrSelection PcrPolicy::selection() const {
    PcrMask mask = 0;
    for (const auto& [pcr, value] : values) {
        mask |= PcrMask{1} << pcr;
    }
    return {.bank = bank, .mask = mask};
}

std::vector<PcrPolicy> parse_pcr_values(const std::string_view text) {
    const auto fail = [&](const std::string_view what) {
        throw Error{Reason::usage, formatted("PCR selection {}: {}", in_quotes(text), what)};
    };
    std::map<PcrBank, PcrPolicy> chosen;
    PcrBank bank = PcrBank::sha256;
    // From the right, since a bank is also that of what precedes it.
    for (std::size_t end = text.size() + 1; end > 0;) {
        const std::size_t plus = text.substr(0, end - 1).rfind('+');
        const std::size_t begin = plus == std::string_view::npos ? 0 : plus + 1;
        const std::string_view element = text.substr(begin, end - 1 - begin);
        end = begin;
        const std::size_t colon = element.find(':');
        const std::optional<unsigned> pcr = pcr_of(element.substr(0, colon));
        if (!pcr) {
            fail("write PCR numbers from 0 to 23, or systemd's names, joined by +, such as "
                 "7+11 or 4+secure-boot-policy");
        }
        Bytes value;
        if (colon != std::string_view::npos) {
            const std::string_view behind = element.substr(colon + 1);
            const std::size_t equals = behind.find('=');
            const auto known = bank_named(behind.substr(0, equals));
            if (!known) {
                fail(formatted("the bank behind the colon must be {}", known_banks));
            }
            bank = *known;
            if (equals != std::string_view::npos) {
                value = from_hex(behind.substr(equals + 1)).value_or(Bytes{});
                if (value.size() != digest_size(bank)) {
                    fail(formatted("the value of PCR {} must have {} hex digits", *pcr,
                                   2 * digest_size(bank)));
                }
            }
        }
        PcrPolicy& policy = chosen.try_emplace(bank, PcrPolicy{.bank = bank, .values = {}}).first->second;
        if (!policy.values.emplace(*pcr, std::move(value)).second) {
            fail(formatted("PCR {} appears twice", *pcr));
        }
    }
    std::vector<PcrPolicy> policies;
    for (auto& [ignored, policy] : chosen) {
        policies.push_back(std::move(policy));
    }
    return policies;
}

PcrSelection parse_pcr_selection(const std::string_view text) {
    const std::vector<PcrPolicy> chosen = parse_pcr_values(text);
    const bool has_values = std::ranges::any_of(
        chosen.front().values, [](const auto& pcr_and_value) { return !pcr_and_value.second.empty(); });
    if (chosen.size() > 1 || has_values) {
        throw Error{Reason::usage,
                    formatted("PCR selection {}: only PCRs of one bank can be given here, without values",
                              in_quotes(text))};
    }
    return chosen.front().selection();
}

std::string pcr_numbers(const PcrMask mask) {
    std::vector<std::string> numbers;
    for (unsigned pcr = 0; pcr < pcr_count; ++pcr) {
        if ((mask & (PcrMask{1} << pcr)) != 0) {
            numbers.push_back(std::to_string(pcr));
        }
    }
    return join(numbers, "+");
}

std::string to_string(const PcrSelection selection) {
    return formatted("{}:{}", pcr_numbers(selection.mask), to_string(selection.bank));
}

PolicyDigest policy_digest(const PcrPolicy& policy) {
    return after_pcr(fresh_policy(), policy.selection(), policy.values);
}

std::vector<PcrMismatch> compare(const PcrPolicy& policy, const PcrValues& present) {
    std::vector<PcrMismatch> mismatches;
    for (const auto& [pcr, expected] : policy.values) {
        const auto found = present.find(pcr);
        if (found == present.end()) {
            mismatches.push_back(
                {.bank = policy.bank, .pcr = pcr, .expected = to_hex(expected), .found = ""});
        } else if (found->second != expected) {
            mismatches.push_back({.bank = policy.bank,
                                  .pcr = pcr,
                                  .expected = to_hex(expected),
                                  .found = to_hex(found->second)});
        }
    }
    return mismatches;
}

std::string describe(const PcrMismatch& mismatch) {
    return formatted("PCR {} ({}, {}) expected {}, found {}", mismatch.pcr, pcr_meaning(mismatch.pcr),
                     to_string(mismatch.bank), mismatch.expected,
                     mismatch.found.empty() ? "nothing" : mismatch.found);
}

Json to_json(const PcrPolicy& policy) {
    Json values = Json::object();
    for (const auto& [pcr, value] : policy.values) {
        values[std::to_string(pcr)] = to_hex(value);
    }
    Json json = Json::object();
    json["bank"] = to_string(policy.bank);
    json["values"] = std::move(values);
    return json;
}

PcrBank read_pcr_bank(ObjectReader& reader, const std::string_view member) {
    const std::string name = reader.string(member);
    const auto bank = bank_named(name);
    if (!bank) {
        reader.fail(member, formatted("{} is not a PCR bank: it must be {}", in_quotes(name), known_banks));
    }
    return *bank;
}

PcrPolicy read_pcr_policy(ObjectReader& reader) {
    PcrPolicy policy{.bank = read_pcr_bank(reader, "bank"), .values = {}};
    const std::size_t hex_digits = 2 * digest_size(policy.bank);
    const Json& values = reader.object("values");
    if (values.empty()) {
        reader.fail("values", "does not name a PCR: such a policy would be satisfied in any state");
    }
    ObjectReader value_reader{values, reader.path_of("values")};
    for (const auto& [number, ignored] : values.items()) {
        const std::optional<unsigned> pcr = pcr_number(number);
        if (!pcr) {
            value_reader.fail(number, "is not a PCR: the numbers go from 0 to 23");
        }
        const std::string hex = value_reader.string(number);
        if (!is_lower_hex(hex, hex_digits)) {
            value_reader.fail(number, formatted("must be {} lower-case hex digits", hex_digits));
        }
        policy.values.emplace(*pcr, *from_hex(hex));
    }
    return policy;
}

} // namespace sealmount
