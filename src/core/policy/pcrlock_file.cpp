// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/policy/pcrlock_file.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"
#include "base/strict_json.hpp"
#include "core/policy/policy_digest.hpp"
#include "sys/tpm/digest.hpp"
#include "sys/tpm/pcr_bank.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

namespace sealmount {

namespace {

constexpr std::size_t most_values = 8; // as many as TPM2_PolicyOR takes

PcrSelection one_pcr(const PcrlockFile& file, const unsigned pcr) noexcept {
    return {.bank = file.bank, .mask = PcrMask{1} << pcr};
}

std::uint32_t read_index(ObjectReader& reader, const Json& document) {
    constexpr const char* member = "nvIndex";
    std::optional<std::uint32_t> index;
    const auto found = document.find(member);
    if (found != document.end() && found->is_string()) {
        const std::string text = reader.string(member);
        std::uint32_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error == std::errc{} && end == text.data() + text.size()) {
            index = number;
        }
    } else if (const std::int64_t number = reader.integer(member); number >= 0 && number <= UINT32_MAX) {
        index = static_cast<std::uint32_t>(number);
    }
    if (!index) {
        reader.fail(member, "must be a number of 32 bits");
    }
    return *index;
}

NvIndex read_nv(ObjectReader& reader, const Json& document) {
    constexpr const char* member = "nvPublic";
    const std::uint32_t index = read_index(reader, document);
    const auto bytes = from_base64(reader.string(member));
    if (!bytes) {
        reader.fail(member, "is not base64");
    }
    auto nv = nv_index_from(*bytes);
    if (!nv) {
        reader.fail(member, "is not the public area of an NV index (TPM2B_NV_PUBLIC) with a SHA-256 name");
    }
    if (nv->index != index) {
        reader.fail(member, "is not that of the NV index that nvIndex names");
    }
    return std::move(*nv);
}

void read_values(const Json& entry, const std::string& path, PcrlockFile& file) {
    ObjectReader reader{entry, path};
    const std::int64_t pcr = reader.integer("pcr");
    if (pcr < 0 || pcr >= std::int64_t{pcr_count}) {
        reader.fail("pcr", "is not a PCR: the numbers go from 0 to 23");
    }
    // A PCR that appears again has the values of both entries, as systemd reads it.
    std::vector<Bytes>& allowed = file.allowed[static_cast<unsigned>(pcr)];
    const Json& values = reader.array("values");
    for (std::size_t at = 0; at < values.size(); ++at) {
        const std::size_t size = digest_size(file.bank);
        auto value = values[at].is_string() ? from_hex(values[at].get<std::string>()) : std::nullopt;
        if (!value || value->size() != size) {
            reader.fail(formatted("values[{}]", at), formatted("must be {} hex digits", 2 * size));
        }
        if (std::ranges::find(allowed, *value) == allowed.end()) {
            allowed.push_back(std::move(*value));
        }
    }
    if (allowed.empty() || allowed.size() > most_values) {
        reader.fail("values", "must hold one to eight different values: a TPM takes no other number");
    }
}

/// Calls `take_pcrs` with the selection and `take_choice` with the branches, in the order of the steps, and
/// returns the last digest.
template<typename TakePcrs, typename TakeChoice>
PolicyDigest walk(const PcrlockFile& file, const TakePcrs& take_pcrs, const TakeChoice& take_choice) {
    PolicyDigest policy = fresh_policy();
    PcrSelection single{.bank = file.bank, .mask = 0};
    PcrValues single_values;
    for (const auto& [pcr, values] : file.allowed) {
        if (values.size() == 1) {
            single.mask |= PcrMask{1} << pcr;
            single_values.emplace(pcr, values.front());
        }
    }
    if (single.mask != 0) {
        take_pcrs(single);
        policy = after_pcr(policy, single, single_values);
    }
    for (const auto& [pcr, values] : file.allowed) {
        if (values.size() == 1) {
            continue;
        }
        std::vector<PolicyDigest> branches;
        for (const Bytes& value : values) {
            branches.push_back(after_pcr(policy, one_pcr(file, pcr), {{pcr, value}}));
        }
        take_pcrs(one_pcr(file, pcr));
        policy = after_or(branches);
        take_choice(std::move(branches));
    }
    return policy;
}

std::vector<PcrlockMismatch> compare(const PcrlockFile& file, const PcrValues& present) {
    std::vector<PcrlockMismatch> mismatches;
    for (const auto& [pcr, allowed] : file.allowed) {
        const auto found = present.find(pcr);
        if (found != present.end() && std::ranges::find(allowed, found->second) != allowed.end()) {
            continue;
        }
        PcrlockMismatch mismatch{
            .pcr = pcr, .found = found == present.end() ? "" : to_hex(found->second), .allowed = {}};
        for (const Bytes& value : allowed) {
            mismatch.allowed.push_back(to_hex(value));
        }
        mismatches.push_back(std::move(mismatch));
    }
    return mismatches;
}

} // namespace

PcrSelection PcrlockFile::selection() const noexcept {
    PcrSelection all{.bank = bank, .mask = 0};
    for (const auto& [pcr, values] : allowed) {
        all.mask |= PcrMask{1} << pcr;
    }
    return all;
}

PcrlockFile read_pcrlock(const std::string_view text) {
    const Json document = parse_json(text);
    ObjectReader reader{document, ""};
    const auto bank = bank_named(reader.string("pcrBank"));
    if (!bank) {
        reader.fail("pcrBank", formatted("must be {}", known_banks));
    }
    PcrlockFile file{.bank = *bank, .allowed = {}, .nv = {}};
    const Json& entries = reader.array("pcrValues");
    for (std::size_t at = 0; at < entries.size(); ++at) {
        read_values(entries[at], formatted("pcrValues[{}]", at), file);
    }
    if (file.allowed.empty()) {
        reader.fail("pcrValues", "does not name a PCR: such a policy would be satisfied in any state");
    }
    file.nv = read_nv(reader, document);
    return file;
}

PolicyDigest pcrlock_digest(const PcrlockFile& file) {
    return walk(
        file, [](const PcrSelection /*pcrs*/) {}, [](const std::vector<PolicyDigest>& /*branches*/) {});
}

std::expected<PolicySteps, std::vector<PcrlockMismatch>> pcrlock_steps(const PcrlockFile& file,
                                                                       const PcrValues& present) {
    if (auto mismatches = compare(file, present); !mismatches.empty()) {
        return std::unexpected{std::move(mismatches)};
    }
    PolicySteps steps;
    walk(
        file, [&](const PcrSelection pcrs) { steps.emplace_back(PcrStep{pcrs}); },
        [&](std::vector<PolicyDigest> branches) { steps.emplace_back(OrStep{std::move(branches)}); });
    steps.emplace_back(AuthorizeNvStep{file.nv.index});
    return steps;
}

} // namespace sealmount
