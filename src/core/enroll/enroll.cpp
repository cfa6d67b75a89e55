// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/enroll/enroll.hpp"

#include "base/format.hpp"
#include "core/ecryptfs/encrypted_key.hpp"
#include "core/enroll/enroll_checks.hpp"
#include "core/enroll/enroll_keys.hpp"
#include "core/enroll/enroll_master.hpp"
#include "core/enroll/enroll_survey.hpp"
#include "core/enroll/enroll_write.hpp"
#include "core/master/master_form.hpp"
#include "core/store/configuration_mount.hpp"
#include "sys/crypto/crypto.hpp"
#include "sys/files/holding_mount.hpp"

#include <algorithm>
#include <iterator>

namespace sealmount {

namespace {

void append(std::vector<Problem>& problems, std::vector<Problem> more) {
    problems.insert(problems.end(), std::make_move_iterator(more.begin()),
                    std::make_move_iterator(more.end()));
}

/// The text, if the file is there, is whole, and opens to this key under this master key.
std::optional<std::string> usable_text(const Store& store, const EnrolledMaster& master, const Fekek& fekek) {
    try {
        const std::string text = store.key(fekek.signature);
        if (open_encrypted_key(text, master.key).equals(fekek.key.bytes())) {
            return text;
        }
    } catch (const Error&) { // NOLINT(bugprone-empty-catch): it is made again then
    }
    return std::nullopt;
}

/// The key file of a passphrase that another volume uses already stays as it is, if it is what we would have
/// made. One under another master key is replaced only when no volume needs it.
std::string text_for(const Store& store, const Volume& volume, const EnrolledMaster& master,
                     const Fekek& fekek) {
    for (const Volume& other : store.manifest().volumes) {
        if (other.master != volume.master && std::ranges::count(other.signatures(), fekek.signature) > 0) {
            throw Error{Reason::refused,
                        formatted("{}: this key is already enrolled under trusted:{}, for the volume \"{}\"",
                                  store.paths().key(fekek.signature).string(), other.master, other.name),
                        {.kind = AdviceKind::give_master, .subject = other.master}};
        }
    }
    const std::string description = formatted("trusted:{}", volume.master);
    auto text = usable_text(store, master, fekek);
    if (text && master_description_of(*text) == description) {
        return std::move(*text);
    }
    return compose_encrypted_key(description, master.key, fekek.key, random_bytes(16));
}

/// Unseals what was sealed and opens what was composed.
void prove(const EnrollContext& context, Tpm& tpm, const std::string& name, const EnrolledMaster& master,
           const KeyTexts& texts, const std::vector<Fekek>& keys) {
    const auto unsealed = unseal_master(tpm, context.request_for(master.file), context.machine.backoff);
    if (!unsealed) {
        throw_master_refusal(name, unsealed.error());
    }
    if (!unsealed->key.equals(master.key.bytes())) {
        throw Error{Reason::bad_data,
                    "the TPM released a master key other than the one that was sealed: nothing was written"};
    }
    for (const Fekek& fekek : keys) {
        if (!open_encrypted_key(texts.at(fekek.signature), unsealed->key).equals(fekek.key.bytes())) {
            throw Error{
                Reason::internal,
                formatted("the composed key {} does not open again: nothing was written", fekek.signature)};
        }
    }
}

/// Everything that a boot will do, up to the mount. False where this kernel has no encrypted keys.
bool prove_in_kernel(const EnrollContext& context, const Volume& volume, const MasterFile& file,
                     const KeyTexts& texts) {
    if (!context.kernel_uses_this_tpm) {
        return false;
    }
    const auto form = kernel_form(context.machine.keyring);
    if (!form) {
        return false;
    }
    const UnsealRequest request = context.request_for(file);
    auto master = *form == MasterForm::user
                      ? bring_in_user_master(context.machine, request)
                      : bring_in_master(context.machine, volume.master, request, FormChoice::trusted,
                                        [](const MasterRefusal&) {});
    // Who holds the raw device now may do so at boot as well.
    if (!master && master.error().kind == RefusalKind::tpm_busy && volume.form == FormChoice::any) {
        master = bring_in_user_master(context.machine, request);
    }
    if (!master) {
        throw_master_refusal(volume.master, master.error());
    }
    for (const auto& [signature, text] : texts) {
        if (const auto result = context.machine.keyring.prove_volume_key(signature, master->text_for(text));
            !result) {
            throw Error{Reason::internal,
                        formatted("the kernel refuses the composed key {}: {}: nothing was written",
                                  signature, describe(result.error().kind))};
        }
    }
    return true;
}

/// A volume that is enrolled with other settings is for the person to sort out.
void check_same_settings(const Store& store, const Volume& volume) {
    const Manifest manifest = store.manifest();
    const Volume* const before = manifest.find(volume.name);
    Volume same = volume;
    same.ground = before != nullptr ? before->ground : std::nullopt;
    if (before != nullptr && *before != same) {
        throw Error{Reason::refused,
                    formatted("{} already has a volume called \"{}\", with other settings",
                              store.paths().manifest().string(), volume.name),
                    {.kind = AdviceKind::edit_or_remove, .subject = volume.name}};
    }
}

} // namespace

EnrollDraft prepare_enrollment(const EnrollContext& context, EnrollRequest request) {
    std::vector<Problem> warnings = take_links_out(context.store.paths(), request);
    check_directories(context.store, request.volume);
    check_against_manifest(context.store, request.volume);
    append(warnings, check_ground(context.store, request));
    context.store.check_writable();
    Survey found = survey_of(context.store.paths().below_root(request.volume.lower));
    check_expected_keys(request, found);
    append(warnings, complete_from_survey(request, found));
    check_ciphers_of_kernel(context.store.paths(), request.volume);
    auto tpm = open_managed_tpm(context.machine.tpm, context.machine.backoff);
    if (!context.store.has_master(request.volume.master)) {
        append(warnings, warnings_about(context.bind(*tpm, request.policy).front().policy));
    }
    if (context.store.paths().is_running_system()) {
        if (const auto mount = configuration_mount(context.store.paths(), text_of_mountinfo())) {
            warnings.push_back(problem_with(*mount));
        }
    }
    return {.request = std::move(request),
            .survey = std::move(found),
            .tpm = std::move(tpm),
            .warnings = std::move(warnings)};
}

Enrolled enroll(const EnrollContext& context, EnrollDraft& draft, KeySource& source) {
    Volume& volume = draft.request.volume;
    // Under the store's lock now: the manifest may be another one than when the draft was made.
    check_against_manifest(context.store, volume);
    const std::vector<Fekek> keys =
        keys_for_volume(context.store.manifest().volumes, draft.request, draft.survey, source);
    check_same_settings(context.store, volume);
    finish_removals(context.store);
    EnrolledMaster master = obtain_master(context, *draft.tpm, draft.request);
    KeyTexts texts;
    for (const Fekek& fekek : keys) {
        texts[fekek.signature] = text_for(context.store, volume, master, fekek);
    }
    prove(context, *draft.tpm, volume.master, master, texts, keys);
    Enrolled enrolled{.volume = volume,
                      .new_master = master.is_new,
                      .new_srk = master.new_srk,
                      .recovery_slot = master.recovery_slot,
                      .proved_in_kernel = prove_in_kernel(context, volume, master.file, texts)};
    guard_and_write(context.store, draft.request.guard, master, texts, enrolled);
    if (draft.request.from_keyring) {
        append(enrolled.warnings,
               settle_user_keys(context.machine.keyring, *draft.request.from_keyring, volume.signatures()));
    }
    return enrolled;
}

} // namespace sealmount
