// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/enroll/enroll_proof.hpp"

#include "base/format.hpp"

#include <utility>

namespace sealmount {

bool KernelProof::prove(const Volume& volume, const MasterFile& file, const KeyTexts& texts) {
    if (!context_.kernel_uses_this_tpm) {
        return false;
    }
    if (!form_) {
        form_.emplace(kernel_form(context_.machine.keyring));
    }
    if (!form_->has_value()) {
        return false;
    }
    const KernelMaster& master = master_for(volume, file, texts);
    for (const auto& [signature, text] : texts) {
        const auto result =
            context_.machine.keyring.prove_volume_key(signature, master.text_for(signature, text));
        if (!result) {
            throw Error{Reason::internal,
                        formatted("the kernel refuses the composed key {}: {}: nothing was written",
                                  signature, describe(result.error().kind))};
        }
    }
    return true;
}

const KernelMaster& KernelProof::master_for(const Volume& volume, const MasterFile& file,
                                            const KeyTexts& texts) {
    const bool takes_any = volume.form == FormChoice::any;
    if (const auto known = masters_.find(volume.master); known != masters_.end()) {
        if (takes_any || !known->second.is_fallback) {
            return known->second.key;
        }
        masters_.erase(known); // before another one gets its name
    }
    UnsealRequest request = context_.request_for(file);
    if (file.is_sealed()) { // a new one is sealed when it is written
        request.problem = [&](const SecretBytes* const key) {
            const StoreEvidence evidence{.name = volume.master, .file = file, .texts = texts};
            return key != nullptr ? problem_with_store(evidence, *key)
                                  : problem_with_store(evidence, context_.machine.keyring);
        };
    }
    auto master = bring_in(volume.master, request);
    // Who holds the raw device now may do so at boot as well.
    const bool falls_back = !master && master.error().kind == RefusalKind::tpm_busy && takes_any;
    if (falls_back) {
        master = bring_in_user_master(context_.machine, request);
    }
    if (!master) {
        throw_master_refusal(context_.store, volume.master, master.error());
    }
    return masters_.emplace(volume.master, BroughtIn{.key = std::move(*master), .is_fallback = falls_back})
        .first->second.key;
}

std::expected<KernelMaster, MasterRefusal> KernelProof::bring_in(const std::string& name,
                                                                 const UnsealRequest& request) const {
    return **form_ == MasterForm::user ? bring_in_user_master(context_.machine, request)
                                       : bring_in_master(context_.machine, name, request, FormChoice::trusted,
                                                         [](const MasterRefusal&) {});
}

} // namespace sealmount
