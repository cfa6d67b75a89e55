// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/enroll/enroll_run.hpp"

#include "app/output/hints.hpp"
#include "app/output/print.hpp"
#include "base/format.hpp"
#include "core/master/present_binding.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <utility>

namespace sealmount {

namespace {

/// For a new master key.
Policy policy_of(const EnrollOptions& options, const EnrollSession& session) {
    const std::string& master = options.request.volume.master;
    if (!options.one_of_many && names_policy(options.policy) && session.is_used(master)) {
        print_warnings(
            {formatted("the master key \"{}\" exists already: the options about its policy have no effect; "
                       "'sealmount reseal' adds a slot to it",
                       master)});
    }
    return policy_from(options.policy, session.store().paths(), session.context().machine.tpm);
}

EnrollRequest request_of(const EnrollOptions& options) {
    EnrollRequest request = options.request;
    request.from_keyring = keyring_keys(options.keys);
    request.filename_encryption |= names_filename_key(options.keys);
    request.guard = !options.no_guard;
    request.may_be_empty |= options.keys.generate;
    request.volume.no_passphrase |= !options.keys.fekek_file.empty();
    request.volume.timeout = std::chrono::seconds{options.timeout};
    request.volume.nofail = !options.required;
    if (!options.cipher.empty()) {
        request.cipher = options.cipher;
    }
    if (options.key_bytes != 0) {
        request.key_bytes = options.key_bytes;
    }
    return request;
}

} // namespace

EnrollRun::EnrollRun(const Globals& globals, const Machine& machine, Report report)
    : globals_(globals), machine_(machine), report_(std::move(report)), store_(globals.paths()) {
}

void EnrollRun::add(EnrollOptions options) {
    const bool asks = asks_for_key(options.keys);
    const std::string& master = options.request.volume.master;
    // A group makes one new master key at the most: its recovery key is handed over before the next is made.
    const bool makes_another =
        session_ && !recovery_.empty() && !recovery_.contains(master) && !session_->is_used(master);
    if (asks || makes_another) {
        finish();
    }
    if (asks && session_) {
        session_->forget_keys();
    }
    if (waiting_.empty()) {
        began_ = std::chrono::steady_clock::now();
    }
    Waiting one{.options = std::move(options)};
    try {
        prepare(one);
    } catch (const Error& error) {
        one.refusal = error;
    }
    waiting_.push_back(std::move(one));
    if (asks || waiting_.size() >= largest_group ||
        std::chrono::steady_clock::now() - began_ >= longest_group) {
        finish();
    }
}

void EnrollRun::finish() {
    std::vector<Waiting> waiting = std::exchange(waiting_, {});
    for (std::span<Waiting> rest{waiting}; !rest.empty();) {
        rest = rest.subspan(enroll_group(rest));
    }
}

void EnrollRun::prepare(Waiting& one) {
    const EnrollOptions& options = one.options;
    check_key_options(options.keys);
    if (options.one_of_many && options.policy.pin && options.policy.pin_file.empty()) {
        throw Error{Reason::usage, "--pin would be asked for with each volume: give --pin-file FILE as well"};
    }
    EnrollRequest request = request_of(options);
    EnrollSession& session = session_for(options.policy);
    request.policy = policy_of(options, session);
    provide_recovery_key(options);
    one.draft = prepare_enrollment(session, std::move(request));
    one.warnings = with_hints(one.draft->warnings);
    if (waiting_.empty()) { // else what is said about the others comes first
        print_new_warnings(one);
    }
    one.keys = std::make_unique<KeysInHand>(options.keys, one.draft->request.volume.lower, one.draft->survey,
                                            globals_, machine_);
}

EnrollSession& EnrollRun::session_for(const PolicyOptions& options) {
    if (!session_) {
        pin_ = new_pin(options, machine_.prompt);
        if (!pin_ && !options.pin_file.empty()) {
            pin_ = present_pin(options.pin_file, machine_.prompt); // of a master key that exists
        }
        context_.emplace(EnrollContext{.machine = machine_,
                                       .store = store_,
                                       .kernel_uses_this_tpm = globals_.tcti.empty(),
                                       .pin = pin_ ? &*pin_ : nullptr,
                                       .bind = bind_to_present(globals_.paths()),
                                       .accepts_new_tpm = options.new_tpm});
        session_.emplace(*context_);
    }
    return *session_;
}

/// A master key that volumes have keeps its policy and its recovery key.
void EnrollRun::provide_recovery_key(const EnrollOptions& options) {
    const std::string& master = options.request.volume.master;
    if (session_->is_used(master) || recovery_.contains(master)) {
        return;
    }
    const auto is_taken = [&](const SecretBytes& key) {
        std::set<std::string> masters;
        for (const Volume& other : session_->manifest().volumes) {
            masters.insert(other.master);
        }
        return std::ranges::any_of(
            masters, [&](const std::string& other) { return opens_master(store_, other, key); });
    };
    if (auto made =
            NewRecoveryKey::make_or_resume(options.recovery, is_seen(globals_) && !options.quiet, is_taken)) {
        recovery_.emplace(master, std::move(made));
    }
}

const SecretBytes* EnrollRun::recovery_key_of(const std::string& master) const {
    const auto found = recovery_.find(master);
    return found == recovery_.end() ? nullptr : &found->second->key();
}

std::size_t EnrollRun::enroll_group(const std::span<Waiting> waiting) {
    std::optional<EnrollGroup> group;
    std::size_t count = 0;
    for (; count < waiting.size() && !(group && group->is_full()); ++count) {
        Waiting& one = waiting[count];
        if (one.refusal) {
            continue;
        }
        try {
            if (!group) {
                group.emplace(*session_);
            }
            stage(*group, one);
        } catch (const Error& error) {
            one.refusal = error;
        }
        one.keys.reset();
    }
    std::vector<EnrollGroup::Outcome> outcomes;
    if (group) {
        outcomes = group->commit();
        group.reset(); // nothing is shown under the lock
    }
    auto outcome = outcomes.begin();
    for (Waiting& one : waiting.first(count)) {
        report(one, one.refusal ? std::nullopt : std::optional{std::move(*outcome++)});
    }
    return count;
}

void EnrollRun::stage(EnrollGroup& group, Waiting& one) {
    const EnrollOptions& options = one.options;
    if (const auto recovery = recovery_.find(options.request.volume.master); recovery != recovery_.end()) {
        recovery->second->save(store_, recovery->first);
    }
    if (!options.quiet && !options.one_of_many && !globals_.json) {
        print_error("{} ...\n", takes_passphrase(options.keys) ? "Deriving the keys, sealing and proving them"
                                                               : "Sealing the keys and proving them");
    }
    one.draft->request.recovery_key = recovery_key_of(options.request.volume.master);
    group.add(*one.draft, one.keys->source());
}

void EnrollRun::report(Waiting& one, std::optional<EnrollGroup::Outcome> outcome) {
    if (outcome && outcome->has_value()) {
        std::vector<std::string> later = with_hints(outcome->value().warnings);
        one.warnings.insert(one.warnings.end(), std::make_move_iterator(later.begin()),
                            std::make_move_iterator(later.end()));
    }
    print_new_warnings(one);
    if (!outcome || !outcome->has_value()) {
        report_(one.options, std::unexpected{outcome ? std::move(outcome->error()) : *one.refusal});
        return;
    }
    EnrollOutcome result{
        .enrolled = std::move(outcome->value()), .warnings = std::move(one.warnings), .recovery = nullptr};
    if (result.enrolled.recovery_slot) {
        if (auto made = recovery_.extract(result.enrolled.volume.master)) {
            result.recovery = std::move(made.mapped());
        }
    }
    report_(one.options, std::move(result));
}

void EnrollRun::print_new_warnings(Waiting& one) const {
    if (!globals_.json) { // which has them in its document
        const auto first = one.warnings.begin() + static_cast<std::ptrdiff_t>(one.printed);
        print_warnings(std::vector<std::string>(first, one.warnings.end()));
    }
    one.printed = one.warnings.size();
}

} // namespace sealmount
