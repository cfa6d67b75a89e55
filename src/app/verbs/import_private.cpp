// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/enroll/import_run.hpp"
#include "app/output/print.hpp"
#include "app/verbs/verbs.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "core/import/private_layout.hpp"
#include "core/import/private_setup.hpp"
#include "core/store/store.hpp"
#include "core/volume/volume_name.hpp"

#include <algorithm>
#include <cstdio>

namespace sealmount {

namespace {

struct PrivateOptions {
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

void print_setup(const PrivateSetup& setup, const std::string& passphrase_file) {
    const Volume& volume = setup.request.volume;
    const ExpectedKeys& keys = *setup.request.expected;
    print("{}: {}: {} on {}\n", setup.user.name, volume.name, volume.lower, volume.mountpoint);
    print("  passphrase from {}, with the {} {}\n", setup.file(private_file::wrapped_passphrase),
          wrapping_of(setup),
          passphrase_file.empty() ? "(is asked for)" : (formatted("in {}", passphrase_file)));
    print("  key        {}{}\n", keys.signature,
          keys.filename_signature ? formatted(", file names {}", *keys.filename_signature) : "");
    print_options(volume, {});
    for (const std::string& alias : setup.other_aliases) {
        print("  not this   {}, which 'mount.ecryptfs_private {}' mounts: 'sealmount enroll' takes it over\n",
              setup.file(alias + private_file::alias_end), alias);
    }
}

/// What is left of ecryptfs-utils' setup, and acts at login and logout.
void print_what_next(const PrivateSetup& setup) {
    const std::string& user = setup.user.name;
    const std::string& mountpoint = setup.request.volume.mountpoint;
    print("{}: when the TPM refuses, the mount passphrase is asked for, not the {} passphrase: "
          "'ecryptfs-unwrap-passphrase {}' shows it.\n",
          user, setup.own_wrapping ? "wrapping" : "login", setup.file(private_file::wrapped_passphrase));
    // umount.ecryptfs_private looks for ~/.Private in the kernel's list, which has an encrypted home's
    // directory under its real path.
    if (setup.auto_umount && !setup.whole_home) {
        print("{}: pam_ecryptfs would unmount {} at the end of each session, whoever mounted it: run\n  rm "
              "{}\n",
              user, mountpoint, setup.file(private_file::auto_umount));
    }
    if (setup.auto_mount) {
        print("{}: pam_ecryptfs would continue to try to mount {} at login, against systemd: run\n  rm {}\n",
              user, mountpoint, setup.file(private_file::auto_mount));
    }
}

class PrivateImporter {
  public:
    PrivateImporter(const PrivateOptions& options, const Globals& globals, const Machine& machine)
        : options_(options), globals_(globals), run_(options.import, globals, machine, "") {}

    int run() {
        find_all();
        if (!globals_.json) {
            for (const PrivateSetup& setup : setups_) {
                print_setup(setup, options_.import.enroll.keys.passphrase_file);
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
        for (const std::string& user : options_.users) {
            if (std::ranges::count(setups_, user, [](const auto& setup) { return setup.user.name; }) > 0) {
                continue; // named twice
            }
            try {
                setups_.push_back(private_setup(globals_.paths(), user, taken));
                taken.insert(setups_.back().request.volume.name);
                keep_name(setups_.back().request.volume, manifest);
            } catch (const Error& error) {
                run_.refuse("", error.in(user));
            }
        }
    }

    void enroll_all() {
        std::vector<const PrivateSetup*> done;
        for (const PrivateSetup& setup : setups_) {
            EnrollOptions options = run_.options_for(setup.request);
            options.keys.wrapped_passphrase = setup.file(private_file::wrapped_passphrase);
            options.keys.wrapped_contents = setup.wrapped;
            options.keys.question =
                formatted("{}{}, which opens {}: ",
                          setup.own_wrapping ? "Wrapping passphrase (not that of the login) of "
                                             : "Login passphrase of ",
                          setup.user.name, options.keys.wrapped_passphrase);
            if (run_.enroll(options, setup.user.name)) {
                done.push_back(&setup);
            }
        }
        if (globals_.json || done.empty()) {
            return;
        }
        print(
            "What is enrolled opens at boot, whether or not its user logs in. What ecryptfs-utils set up is "
            "as it was.\n");
        for (const PrivateSetup* const setup : done) {
            print_what_next(*setup);
        }
    }

    const PrivateOptions& options_;
    const Globals& globals_;
    ImportRun run_;
    std::vector<PrivateSetup> setups_;
};

} // namespace

Run declare_import_private(Arguments& verb) {
    const auto options = std::make_shared<PrivateOptions>();
    verb.required_arguments("USER", options->users, "whose volumes to take over");
    add_import_options(verb, options->import,
                       "read the passphrase that wraps the mount passphrase from FILE, for all users (- for "
                       "standard input)");
    return [options](const Globals& globals, const Machine& machine) {
        return PrivateImporter{*options, globals, machine}.run();
    };
}

} // namespace sealmount
