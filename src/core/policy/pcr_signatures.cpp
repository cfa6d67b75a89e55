// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/pcr_signatures.hpp"

#include "base/error.hpp"
#include "base/hex.hpp"
#include "core/policy/pcr_policy.hpp"
#include "sys/tpm/pcr_bank.hpp"
#include "sys/tpm/public_key.hpp"

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

std::string key_words(const BytesView fingerprint) {
    return "the key with the fingerprint " + to_hex(fingerprint);
}

std::string count_words(const std::size_t count, const char* const one, const char* const many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
}

} // namespace

PcrSignatures::PcrSignatures() : document_(Json::object()) {
}

PcrSignatures::PcrSignatures(const std::string_view text) : document_(parse_json(text)) {
    if (!document_.is_object()) {
        throw Error{Reason::config, "the document: must be an object with a list for each PCR bank"};
    }
    for (const auto& [bank, list] : document_.items()) {
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
        ObjectReader reader{list[at], bank + "[" + std::to_string(at) + "]"};
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
    const std::string pcrs = "PCR " + to_string(selection);
    if (signed_pcrs.empty()) {
        return std::unexpected{SignatureLack{NoSignature::for_key, 0,
                                             "none of its " +
                                                 count_words(entries_.size(), "signature", "signatures") +
                                                 " is by " + key_words(wanted)}};
    }
    if (states.empty()) {
        std::string others;
        for (const std::string& other : signed_pcrs) {
            others += (others.empty() ? "" : ", ") + other;
        }
        return std::unexpected{SignatureLack{
            NoSignature::for_pcrs, 0, key_words(wanted) + " has signed PCR " + others + ", but not " + pcrs}};
    }
    if (is_damaged) {
        // systemd-measure signs over the bank's hash, but TPM2_PolicyAuthorize wants that of the key's name.
        const char* const why =
            selection.bank == PcrBank::sha256
                ? ""
                : " (a TPM takes only those over SHA-256, which systemd-measure does not make for this bank; "
                  "'sealmount sign-policy' does)";
        return std::unexpected{SignatureLack{NoSignature::is_valid, states.size(),
                                             "the signature of the present state of " + pcrs +
                                                 " does not verify with " + key_words(wanted) + why}};
    }
    return std::unexpected{SignatureLack{NoSignature::for_state, states.size(),
                                         key_words(wanted) + " has signed " +
                                             count_words(states.size(), "state", "states") + " of " + pcrs +
                                             ", but not the present one"}};
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
        document_[entry->bank][entry->at][signature_member] = to_base64(step.signature);
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
    Json& list = document_[bank];
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
    return document_.dump() + "\n";
}

} // namespace sealmount
