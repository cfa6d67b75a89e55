// Fuzz target: any bytes as a pcrlock.json. What must hold: no crash, only Error is thrown, and each state
// that an accepted file allows has steps that lead to the one digest, through choices that a TPM takes.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/error.hpp"
#include "core/policy/pcrlock_file.hpp"
#include "core/policy/policy_digest.hpp"

#include <algorithm>
#include <cstdlib>

using namespace sealmount;

namespace {

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

PolicyDigest play(const PolicySteps& steps, const PcrValues& present) {
    PolicyDigest policy = fresh_policy();
    for (const PolicyStep& step : steps) {
        if (const auto* const pcrs = std::get_if<PcrStep>(&step)) {
            policy = after_pcr(policy, pcrs->selection, present);
        } else if (const auto* const choice = std::get_if<OrStep>(&step)) {
            require(std::ranges::find(choice->branches, policy) != choice->branches.end());
            policy = after_or(choice->branches);
        }
    }
    return policy;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    try {
        const PcrlockFile file = read_pcrlock({reinterpret_cast<const char*>(data), size});
        require(file.nv.written_name.size() == 34);
        PcrValues first;
        PcrValues last;
        for (const auto& [pcr, allowed] : file.allowed) {
            first.emplace(pcr, allowed.front());
            last.emplace(pcr, allowed.back());
        }
        for (const PcrValues& present : {first, last}) {
            const auto steps = pcrlock_steps(file, present);
            require(steps && play(*steps, present) == pcrlock_digest(file));
        }
        const auto none = pcrlock_steps(file, {});
        require(!none && none.error().size() == file.allowed.size());
    } catch (const Error& error) {
        require(error.reason() == Reason::config);
    }
    return 0;
}
