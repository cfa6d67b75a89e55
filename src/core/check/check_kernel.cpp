// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/check/check_kernel.hpp"

#include "base/format.hpp"
#include "base/text.hpp"
#include "core/master/master_form.hpp"
#include "sys/host/kernel_features.hpp"

#include <map>
#include <string_view>
#include <utility>

namespace sealmount {

namespace {

class KernelCheck {
  public:
    KernelCheck(const CheckContext& context, const std::vector<Volume>& volumes,
                std::vector<Finding>& findings)
        : context_(context), volumes_(volumes), findings_(findings), modules_(context.facts.modules()),
          release_(context.facts.kernel()) {}

    void run(const bool trusted_demanded) {
        key_types(trusted_demanded);
        file_system();
        ciphers();
        fips();
    }

  private:
    void add(const Severity severity, std::string item, std::string text, Advice fix = {}) {
        findings_.push_back({.about = "kernel",
                             .item = std::move(item),
                             .severity = severity,
                             .text = std::move(text),
                             .fix = std::move(fix)});
    }

    /// What is missing may only be missing until modules can be loaded again. Nothing, and `otherwise`, where
    /// that is not so.
    void add_missing(std::string item, const std::string& text, const Advice& otherwise) {
        if (modules_.loading_is_disabled) {
            add(Severity::bad, std::move(item),
                text + ", and loads no modules any more (kernel.modules_disabled)",
                {.kind = AdviceKind::load_before_disabling});
        } else if (!modules_.has_files && otherwise.kind != AdviceKind::none) {
            add(Severity::bad, std::move(item),
                formatted("{}, and the modules of {} are not on the disk: was it upgraded since it started?",
                          text, release_),
                {.kind = AdviceKind::start_installed_kernel, .other = release_});
        } else {
            add(Severity::bad, std::move(item), text, otherwise);
        }
    }

    void key_types(const bool trusted_demanded) {
        const auto form = kernel_form(context_.machine.keyring);
        if (!form) {
            add_missing("key-types", "this kernel has no encrypted keys",
                        {.kind = AdviceKind::boot_with_encrypted_keys});
        } else if (*form == MasterForm::trusted) {
            add(Severity::good, "key-types", "has trusted and encrypted keys");
        } else if (trusted_demanded) {
            add_missing("key-types",
                        "has no trusted keys that encrypted keys could use, which the manifest demands",
                        {.kind = AdviceKind::boot_with_trusted_keys});
        } else {
            add(Severity::good, "key-types",
                "has no trusted keys that encrypted keys could use: master keys come in as user keys");
        }
    }

    void file_system() {
        if (context_.facts.ecryptfs() == Presence::absent) {
            add_missing("ecryptfs", "this kernel has no eCryptfs", {.kind = AdviceKind::boot_with_ecryptfs});
        } else {
            add(Severity::good, "ecryptfs", "has eCryptfs");
        }
    }

    /// Each algorithm, and the volumes that need it (fs/ecryptfs/crypto.c: the contents are in CBC, their
    /// keys and the file names in ECB).
    [[nodiscard]] std::map<std::string, std::vector<std::string>> needed_ciphers() const {
        std::map<std::string, std::vector<std::string>> needed;
        const auto add_need = [&](std::string algorithm, const std::string& volume) {
            std::vector<std::string>& users = needed[std::move(algorithm)];
            if (users.empty() || users.back() != volume) {
                users.push_back(volume);
            }
        };
        for (const Volume& volume : volumes_) {
            add_need(formatted("cbc({})", volume.cipher), volume.name);
            add_need(formatted("ecb({})", volume.cipher), volume.name);
            if (volume.filename_signature) {
                add_need(formatted("ecb({})", volume.filename_cipher), volume.name);
            }
        }
        return needed;
    }

    void ciphers() {
        std::vector<std::string> present;
        std::vector<std::string> unknown;
        for (const auto& [algorithm, users] : needed_ciphers()) {
            const Presence presence = context_.facts.crypto("skcipher", algorithm);
            if (presence == Presence::absent) {
                add_missing("crypto",
                            formatted("has no {}, which {} {}", algorithm,
                                      users.size() == 1 ? "this volume requires:" : "these volumes require:",
                                      join(users)),
                            {.kind = AdviceKind::boot_with_cipher, .subject = algorithm});
            } else {
                (presence == Presence::unknown ? unknown : present).push_back(algorithm);
            }
        }
        hash(present, unknown);
        if (!present.empty()) {
            add(Severity::good, "crypto", formatted("has {}", join(present)));
        }
        if (!unknown.empty()) {
            add(Severity::unknown, "crypto",
                formatted("does not say whether it has {} (no AF_ALG)", join(unknown)),
                {.kind = AdviceKind::load_af_alg});
        }
    }

    void hash(std::vector<std::string>& present, std::vector<std::string>& unknown) {
        if (!ecryptfs_asks_for_md5(release_)) {
            return;
        }
        switch (context_.facts.crypto("hash", "md5")) {
        case Presence::present:
        case Presence::loadable:
            present.emplace_back("md5");
            break;
        case Presence::unknown:
            unknown.emplace_back("md5");
            break;
        case Presence::absent:
            if (!modules_.is_fips) {
                add_missing("crypto", "has no md5, which eCryptfs requires",
                            {.kind = AdviceKind::boot_with_cipher, .subject = "md5"});
            }
            has_md5_ = false;
            break;
        }
    }

    void fips() {
        if (modules_.is_fips && (!has_md5_ || !ecryptfs_asks_for_md5(release_))) {
            add(Severity::bad, "fips",
                "is in FIPS mode, which does not allow MD5: eCryptfs does not mount without it",
                {.kind = AdviceKind::leave_fips_mode});
        }
    }

    const CheckContext& context_;
    const std::vector<Volume>& volumes_;
    std::vector<Finding>& findings_;
    ModuleState modules_;
    std::string release_;
    bool has_md5_ = true;
};

} // namespace

void check_kernel(const CheckContext& context, const std::vector<Volume>& volumes,
                  const bool trusted_demanded, std::vector<Finding>& findings) {
    KernelCheck{context, volumes, findings}.run(trusted_demanded);
}

} // namespace sealmount
