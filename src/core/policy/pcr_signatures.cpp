// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/policy/pcr_signatures.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"
#include "base/text.hpp"
#include "core/policy/pcr_policy.hpp"
#include "sys/tpm/pcr_bank.hpp"
#include "sys/tpm/public_key.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <set>

namespace sealmount {

namespace {

constexpr const char* pcrs_member = "pcrs";
constexpr const char* key_member = "pkfp";
constexpr const char* policy_member = "pol";
constexpr const char* signature_member = "sig";

PcrMask read_mask(ObjectReader& reader) {
    PcrMask mask = 0;
    for (const Json& number : reader.array(pcrs_member)) {
        if (!number.is_number_unsigned() || number.get<std::uint64_t>() >= pcr_count) {
            reader.fail(pcrs_member, "must hold PCR numbers from 0 to 23");
        }
        mask |= PcrMask{1} << number.get<unsigned>();
    }
    return mask;
}

Bytes read_hex(ObjectReader& reader, const char* const member) {
    auto bytes = from_hex(reader.string(member));
    if (!bytes) {
        reader.fail(member, "is not hex");
    }
    return std::move(*bytes);
}

std::string counted(const std::size_t count, const std::string_view noun) {
    return formatted("{} {}{}", count, noun, count == 1 ? "" : "s");
}

/// What was found on the way to a signature that is not there.
struct Search {
    std::string key;
    PcrSelection selection;
    std::size_t all_signatures = 0;    ///< in the file
    std::set<std::string> signed_pcrs; ///< by the key
    std::size_t states = 0;            ///< of the selection, signed by the key
    bool is_damaged = false;           ///< a signature is for the state, but does not verify
};

SignatureLack lack_of(const Search& search) {
    SignatureLack lack{.kind = NoSignature::for_state, .states = search.states, .problem = {}};
    Problem& problem = lack.problem;
    const std::string pcrs = "PCR " + to_string(search.selection);
    if (search.signed_pcrs.empty()) {
        lack.kind = NoSignature::for_key;
        problem.message =
            formatted("none of its {} is by {}", counted(search.all_signatures, "signature"), search.key);
    } else if (search.states == 0) {
        lack.kind = NoSignature::for_pcrs;
        problem.message =
            formatted("{} has signed PCR {}, but not {}", search.key, join(search.signed_pcrs), pcrs);
    } else if (search.is_damaged) {
        lack.kind = NoSignature::is_valid;
        problem.message =
            formatted("the signature of the present state of {} does not verify with {}", pcrs, search.key);
        // systemd-measure signs over the bank's hash, but TPM2_PolicyAuthorize requires that of the key's
        // name.
        if (search.selection.bank != PcrBank::sha256) {
            problem.message +=
                " (a TPM takes only those over SHA-256, which systemd-measure does not make for "
                "this bank)";
            problem.advice = {AdviceKind::sign_over_sha256};
        }
    } else {
        problem.message = formatted("{} has signed {} of {}, but not the present one", search.key,
                                    counted(search.states, "state"), pcrs);
    }
    return lack;
}

} // namespace

PcrSignatures::PcrSignatures(PcrSignatures&&) noexcept = default;
PcrSignatures& PcrSignatures::operator=(PcrSignatures&&) noexcept = default;
PcrSignatures::~PcrSignatures() = default;

PcrSignatures::PcrSignatures() : document_(std::make_unique<Json>(Json::object())) {
}

PcrSignatures::PcrSignatures(const std::string_view text)
    : document_(std::make_unique<Json>(parse_json(text))) {
    if (!document_->is_object()) {
        throw Error{Reason::config, "the document: must be an object with a list for each PCR bank"};
    }
    for (const auto& [bank, list] : document_->items()) {
        if (bank_named(bank)) { // others may be of banks to come
            read_list(bank, list);
        }
    }
}

void PcrSignatures::read_list(const std::string& bank, const Json& list) {
    if (!list.is_array()) {
        throw Error{Reason::config, bank + ": must be an array of signatures"};
    }
    for (std::size_t at = 0; at < list.size(); ++at) {
        ObjectReader reader{list[at], formatted("{}[{}]", bank, at)};
        const auto lacks = [&](const char* const member) { return !list[at].contains(member); };
        if (lacks(pcrs_member) || lacks(key_member) || lacks(policy_member) || lacks(signature_member)) {
            continue; // a list of policies that are not signed yet, for example
        }
        auto signature = from_base64(reader.string(signature_member));
        if (!signature) {
            reader.fail(signature_member, "is not base64");
        }
        entries_.push_back({.selection = {.bank = *bank_named(bank), .mask = read_mask(reader)},
                            .key_fingerprint = read_hex(reader, key_member),
                            .approved = read_hex(reader, policy_member),
                            .signature = std::move(*signature),
                            .bank = bank,
                            .at = at});
    }
}

std::expected<AuthorizeStep, SignatureLack> PcrSignatures::find(const PcrSelection selection,
                                                                const BytesView public_key,
                                                                const PolicyDigest& approved) const {
    const auto wanted = fingerprint(public_key);
    std::set<std::string> signed_pcrs;
    std::set<Bytes> states;
    bool is_damaged = false;
    for (const Entry& entry : entries_) {
        if (!std::ranges::equal(entry.key_fingerprint, wanted)) {
            continue;
        }
        signed_pcrs.insert(to_string(entry.selection));
        if (entry.selection != selection) {
            continue;
        }
        states.insert(entry.approved);
        if (!std::ranges::equal(entry.approved, approved)) {
            continue;
        }
        if (verifies(public_key, approved, entry.signature)) {
            return AuthorizeStep{.public_key = {public_key.begin(), public_key.end()},
                                 .approved = approved,
                                 .signature = entry.signature};
        }
        is_damaged = true;
    }
    return std::unexpected{lack_of({.key = formatted("the key with the fingerprint {}", to_hex(wanted)),
                                    .selection = selection,
                                    .all_signatures = entries_.size(),
                                    .signed_pcrs = std::move(signed_pcrs),
                                    .states = states.size(),
                                    .is_damaged = is_damaged})};
}

bool PcrSignatures::add(const PcrSelection selection, const AuthorizeStep& step) {
    const auto key = fingerprint(step.public_key);
    const std::string bank{to_string(selection.bank)};
    std::vector<Entry*> damaged;
    for (Entry& entry : entries_) {
        if (entry.selection == selection && std::ranges::equal(entry.key_fingerprint, key) &&
            std::ranges::equal(entry.approved, step.approved)) {
            if (verifies(step.public_key, step.approved, entry.signature)) {
                return false;
            }
            damaged.push_back(&entry);
        }
    }
    for (Entry* const entry : damaged) {
        entry->signature = step.signature;
        (*document_)[entry->bank][entry->at][signature_member] = to_base64(step.signature);
    }
    if (!damaged.empty()) {
        return true;
    }
    Json entry = Json::object();
    entry[pcrs_member] = Json::array();
    for (unsigned pcr = 0; pcr < pcr_count; ++pcr) {
        if ((selection.mask >> pcr & 1U) != 0) {
            entry[pcrs_member].push_back(pcr);
        }
    }
    entry[key_member] = to_hex(key);
    entry[policy_member] = to_hex(step.approved);
    entry[signature_member] = to_base64(step.signature);
    Json& list = (*document_)[bank];
    if (list.is_null()) {
        list = Json::array();
    }
    entries_.push_back({.selection = selection,
                        .key_fingerprint = {key.begin(), key.end()},
                        .approved = {step.approved.begin(), step.approved.end()},
                        .signature = step.signature,
                        .bank = bank,
                        .at = list.size()});
    list.push_back(std::move(entry));
    return true;
}

std::string PcrSignatures::text() const {
    return document_->dump() + "\n";
}

} // namespace sealmount
