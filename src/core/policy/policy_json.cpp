// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/policy/policy_json.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"
#include "core/volume/manifest_rules.hpp"
#include "sys/crypto/crypto.hpp"
#include "sys/tpm/public_key.hpp"

#include <nlohmann/json.hpp>

#include <limits>

namespace sealmount {

namespace {

Json numbers_of(const PcrMask mask) {
    Json numbers = Json::array();
    for (unsigned pcr = 0; pcr < pcr_count; ++pcr) {
        if ((mask >> pcr & 1U) != 0) {
            numbers.push_back(pcr);
        }
    }
    return numbers;
}

PcrMask read_numbers(ObjectReader& reader, const std::string_view member) {
    PcrMask mask = 0;
    for (const Json& number : reader.array(member)) {
        if (!number.is_number_integer() || number < 0 || number >= pcr_count) {
            reader.fail(member, "must be numbers of PCRs, from 0 to 23");
        }
        mask |= PcrMask{1} << number.get<unsigned>();
    }
    if (mask == 0) {
        reader.fail(member, "does not name a PCR");
    }
    return mask;
}

std::string read_path(ObjectReader& reader, const std::string_view member) {
    std::string path = reader.string(member);
    if (const auto problem = problem_with_path(path)) {
        reader.fail(member, *problem);
    }
    return path;
}

std::uint32_t read_u32(ObjectReader& reader, const std::string_view member) {
    const std::int64_t number = reader.integer(member);
    if (number < 0 || number > std::numeric_limits<std::uint32_t>::max()) {
        reader.fail(member, "must be a number of 32 bits");
    }
    return static_cast<std::uint32_t>(number);
}

SignedPcrs read_signed(const Json& value, const std::string& path) {
    ObjectReader reader{value, path};
    SignedPcrs result;
    result.selection = {.bank = read_pcr_bank(reader, "bank"), .mask = read_numbers(reader, "pcrs")};
    const auto key = from_base64(reader.string("public_key"));
    if (!key) {
        reader.fail("public_key", "is not base64");
    }
    result.public_key = *key;
    try {
        static_cast<void>(key_name(result.public_key));
    } catch (const Error& error) {
        reader.fail("public_key", error.what());
    }
    result.file = read_path(reader, "file");
    reader.finish();
    return result;
}

PcrlockPcrs read_pcrlock(const Json& value, const std::string& path) {
    ObjectReader reader{value, path};
    PcrlockPcrs result;
    result.file = read_path(reader, "file");
    result.nv_index = read_u32(reader, "nv_index");
    const std::string name = reader.string("nv_name");
    constexpr std::size_t sha256_name = 34;
    if (!is_lower_hex(name, 2 * sha256_name)) {
        reader.fail("nv_name", "is not the TPM name of an NV index");
    }
    result.nv_name = *from_hex(name);
    reader.finish();
    return result;
}

std::vector<PcrPolicy> read_literals(const Json& array, const std::string& path) {
    std::vector<PcrPolicy> literals;
    for (const Json& element : array) {
        ObjectReader reader{element, formatted("{}[{}]", path, literals.size())};
        literals.push_back(read_pcr_policy(reader));
        reader.finish();
        if (literals.size() > 1 && literals[literals.size() - 2].bank >= literals.back().bank) {
            reader.fail("bank", "appears twice, or not in ascending order");
        }
    }
    return literals;
}

/// The value of a member that is an object or an array; null when it is absent.
const Json* member_of(const Json& value, ObjectReader& reader, const char* const member, const bool array) {
    if (!value.contains(member)) {
        return nullptr;
    }
    return array ? &reader.array(member) : &reader.object(member);
}

} // namespace

Json to_json(const Policy& policy) {
    Json json = Json::object();
    if (policy.is_empty()) {
        json["none"] = true;
        return json;
    }
    if (policy.signed_pcrs) {
        json["signed"] = {{"bank", to_string(policy.signed_pcrs->selection.bank)},
                          {"pcrs", numbers_of(policy.signed_pcrs->selection.mask)},
                          {"public_key", to_base64(policy.signed_pcrs->public_key)},
                          {"file", policy.signed_pcrs->file}};
    }
    if (policy.pcrlock) {
        json["pcrlock"] = {{"file", policy.pcrlock->file},
                           {"nv_index", policy.pcrlock->nv_index},
                           {"nv_name", to_hex(policy.pcrlock->nv_name)}};
    }
    for (const PcrPolicy& literal : policy.pcrs) {
        json["pcrs"].push_back(to_json(literal));
    }
    if (policy.boot_window) {
        json["boot_window_ms"] = policy.boot_window->count();
    }
    if (policy.last_boot) {
        json["last_boot"] = *policy.last_boot;
    }
    if (policy.not_after_sleep) {
        json["not_after_sleep"] = true;
    }
    if (policy.pin) {
        json["pin"] = true;
    }
    return json;
}

Policy policy_from_json(const Json& value, const std::string& path) {
    ObjectReader reader{value, path};
    Policy policy;
    if (value.contains("type")) {
        if (reader.string("type") != "pcr") {
            reader.fail("type", "is not \"pcr\", the only one that the first form of this file knew");
        }
        policy.pcrs.push_back(read_pcr_policy(reader));
        reader.finish();
        return policy;
    }
    if (const Json* const part = member_of(value, reader, "signed", false)) {
        policy.signed_pcrs = read_signed(*part, reader.path_of("signed"));
    }
    if (const Json* const part = member_of(value, reader, "pcrlock", false)) {
        policy.pcrlock = read_pcrlock(*part, reader.path_of("pcrlock"));
    }
    if (const Json* const part = member_of(value, reader, "pcrs", true)) {
        policy.pcrs = read_literals(*part, reader.path_of("pcrs"));
    }
    if (const auto window = reader.optional_integer("boot_window_ms")) {
        if (*window <= 0) {
            reader.fail("boot_window_ms", "must be a number of milliseconds");
        }
        policy.boot_window = std::chrono::milliseconds{*window};
    }
    if (value.contains("last_boot")) {
        policy.last_boot = read_u32(reader, "last_boot");
    }
    policy.not_after_sleep = reader.optional_boolean("not_after_sleep").value_or(false);
    policy.pin = reader.optional_boolean("pin").value_or(false);
    const bool none = reader.optional_boolean("none").value_or(false);
    reader.finish();
    if (policy.signed_pcrs && policy.pcrlock) {
        reader.fail("pcrlock", "cannot be combined with \"signed\"");
    }
    if (policy.is_empty() != none) {
        reader.fail("none", "must be true in a policy without conditions, and in no other");
    }
    return policy;
}

} // namespace sealmount
