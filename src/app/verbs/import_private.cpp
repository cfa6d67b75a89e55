// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/enroll/import_run.hpp"
#include "app/output/hints.hpp"
#include "base/error.hpp"
#include "core/import/private_layout.hpp"
#include "core/import/private_setup.hpp"
#include "core/store/store.hpp"
#include "core/volume/volume_name.hpp"

#include <algorithm>
#include <cstdio>

namespace sealmount {

namespace {

struct Options {
    ImportOptions import;
    std::vector<std::string> users;
};

Json setup_json(const PrivateSetup& setup) {
    const Volume& volume = setup.request.volume;
    const ExpectedKeys& keys = *setup.request.expected;
    return {{"user", setup.user.name},
            {"name", volume.name},
            {"lower", volume.lower},
            {"mountpoint", volume.mountpoint},
            {"signature", keys.signature},
            {"filename_signature", keys.filename_signature ? Json(*keys.filename_signature) : Json(nullptr)},
            {"wrapped_passphrase", setup.file(private_file::wrapped_passphrase)},
            {"wrapped_with_login_passphrase", !setup.own_wrapping},
            {"options", volume.options},
            {"auto_mount", setup.auto_mount},
            {"auto_umount", setup.auto_umount},
            {"other_aliases", setup.other_aliases}};
}

/// "login passphrase of anna"
std::string wrapping_of(const PrivateSetup& setup) {
    return (setup.own_wrapping ? "wrapping passphrase of " : "login passphrase of ") + setup.user.name;
}

void print(const PrivateSetup& setup, const std::string& passphrase_file) {
    const Volume& volume = setup.request.volume;
    const ExpectedKeys& keys = *setup.request.expected;
    std::printf("%s: %s: %s on %s\n", setup.user.name.c_str(), volume.name.c_str(), volume.lower.c_str(),
                volume.mountpoint.c_str());
    std::printf("  passphrase from %s, with the %s %s\n",
                setup.file(private_file::wrapped_passphrase).c_str(), wrapping_of(setup).c_str(),
                passphrase_file.empty() ? "(is asked for)" : ("in " + passphrase_file).c_str());
    std::printf("  key        %s%s\n", keys.signature.c_str(),
                keys.filename_signature ? (", file names " + *keys.filename_signature).c_str() : "");
    print_options(volume, {});
    for (const std::string& alias : setup.other_aliases) {
        std::printf("  not this   %s, which 'mount.ecryptfs_private %s' mounts: 'sealmount enroll' takes it "
                    "over\n",
                    setup.file(alias + private_file::alias_end).c_str(), alias.c_str());
    }
}

/// What is left of ecryptfs-utils' set-up, and does things at login and logout.
void print_what_next(const PrivateSetup& setup) {
    const char* const user = setup.user.name.c_str();
    const char* const mountpoint = setup.request.volume.mountpoint.c_str();
    std::printf("%s: when the TPM refuses, the mount passphrase is asked for, not the %s passphrase: "
                "'ecryptfs-unwrap-passphrase %s' shows it.\n",
                user, setup.own_wrapping ? "wrapping" : "login",
                setup.file(private_file::wrapped_passphrase).c_str());
    // umount.ecryptfs_private looks for ~/.Private in the kernel's list, which has an encrypted home's
    // directory under its real path.
    if (setup.auto_umount && !setup.whole_home) {
        std::printf("%s: pam_ecryptfs would unmount %s at the end of each session, whoever mounted it: run\n"
                    "  rm %s\n",
                    user, mountpoint, setup.file(private_file::auto_umount).c_str());
    }
    if (setup.auto_mount) {
        std::printf("%s: pam_ecryptfs would go on trying to mount %s at login, against systemd: run\n"
                    "  rm %s\n",
                    user, mountpoint, setup.file(private_file::auto_mount).c_str());
    }
}

class Import {
  public:
    Import(const Options& words, const Globals& globals)
        : words_(words), globals_(globals), run_(words.import, globals, "") {}

    int run() {
        find_all();
        if (!globals_.json) {
            for (const PrivateSetup& setup : setups_) {
                print(setup, words_.import.enroll.keys.passphrase_file);
            }
        }
        if (run_.begin(setups_.size())) {
            enroll_all();
        }
        Json users = Json::array();
        for (const PrivateSetup& setup : setups_) {
            users.push_back(setup_json(setup));
        }
        return run_.end("users", std::move(users));
    }

  private:
    void find_all() {
        const Manifest manifest = Store{globals_.paths()}.manifest();
        std::set<std::string> taken = names_in(manifest);
        for (const std::string& user : words_.users) {
            if (std::ranges::count(setups_, user, [](const auto& setup) { return setup.user.name; }) > 0) {
                continue; // named twice
            }
            try {
                setups_.push_back(private_setup(globals_.paths(), user, taken));
                taken.insert(setups_.back().request.volume.name);
                keep_name(setups_.back().request.volume, manifest);
            } catch (const Error& error) {
                run_.refuse("", user + ": " + with_hint(error), error.reason());
            }
        }
    }

    void enroll_all() {
        std::vector<const PrivateSetup*> done;
        for (const PrivateSetup& setup : setups_) {
            EnrollOptions words = run_.words_for(setup.request);
            words.keys.wrapped_passphrase = setup.file(private_file::wrapped_passphrase);
            words.keys.wrapped_contents = setup.wrapped;
            words.keys.question = (setup.own_wrapping ? "Wrapping passphrase (not that of the login) of "
                                                      : "Login passphrase of ") +
                                  setup.user.name + ", which opens " + words.keys.wrapped_passphrase + ": ";
            if (run_.enroll(words, setup.user.name)) {
                done.push_back(&setup);
            }
        }
        if (globals_.json || done.empty()) {
            return;
        }
        std::printf(
            "What is enrolled opens at boot, whether or not its user logs in. What ecryptfs-utils set "
            "up is as it was.\n");
        for (const PrivateSetup* const setup : done) {
            print_what_next(*setup);
        }
    }

    const Options& words_;
    const Globals& globals_;
    ImportRun run_;
    std::vector<PrivateSetup> setups_;
};

} // namespace

Run declare_import_private(CLI::App& verb, const Globals& globals) {
    const auto words = std::make_shared<Options>();
    verb.add_option("USER", words->users, "whose volumes to take over")->required();
    add_import_options(verb, words->import,
                       "read the passphrase that wraps the mount passphrase from there, for all users");
    return [words, &globals] { return Import{*words, globals}.run(); };
}

} // namespace sealmount
