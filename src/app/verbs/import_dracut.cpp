// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/enroll/import_run.hpp"
#include "base/error.hpp"
#include "core/import/dracut_import.hpp"
#include "core/import/dracut_keys.hpp"
#include "core/master/master_unlock.hpp"
#include "core/store/store.hpp"
#include "core/volume/volume_name.hpp"
#include "sys/files/files.hpp"
#include "sys/host/backoff.hpp"
#include "sys/host/kernel_features.hpp"
#include "sys/prompt/secret_input.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace sealmount {

namespace {

constexpr const char* masterkey_settings = "/etc/sysconfig/masterkey";
constexpr const char* ecryptfs_settings = "/etc/sysconfig/ecryptfs";

struct Options {
    ImportOptions import;
    std::string name;
    std::string mountpoint;
    std::string masterkey;
    std::string masterkeytype;
    std::string ecryptfskey;
};

std::map<std::string, std::string> variables_in(const std::filesystem::path& file) {
    const auto text = read_trusted_file_if_exists(file);
    try {
        return text ? shell_variables(*text) : std::map<std::string, std::string>{};
    } catch (const Error& error) {
        throw error.in(file.string());
    }
}

/// What the machine says, and behind it what the person says.
DracutSettings settings_of(const Options& words, const Paths& paths) {
    DracutSettings settings{.masterkey = variables_in(paths.below_root(masterkey_settings)),
                            .ecryptfs = variables_in(paths.below_root(ecryptfs_settings)),
                            .command_line = {},
                            .kernel_release = kernel_release()};
    if (const auto line = read_trusted_file_if_exists(paths.below_root("/proc/cmdline"))) {
        settings.command_line = *line;
    }
    if (!words.masterkey.empty()) {
        settings.command_line += " masterkey=" + words.masterkey;
    }
    if (!words.masterkeytype.empty()) {
        settings.command_line += " masterkeytype=" + words.masterkeytype;
    }
    if (!words.ecryptfskey.empty()) {
        settings.command_line += " ecryptfskey=" + words.ecryptfskey;
    }
    return settings;
}

class Import {
  public:
    Import(const Options& words, const Globals& globals)
        : words_(words), globals_(globals), setup_(dracut_setup(settings_of(words, globals.paths()))),
          run_(words.import, globals, "") {
        Volume& wanted = setup_.request.volume;
        if (!words.mountpoint.empty()) {
            wanted.mountpoint = words.mountpoint;
        }
        const Manifest manifest = Store{globals.paths()}.manifest();
        wanted.name = volume_name_for(wanted.mountpoint, names_in(manifest));
        keep_name(wanted, manifest);
        if (!words.name.empty()) {
            wanted.name = words.name;
        }
        check_there(setup_.master_file, "--masterkey");
        check_there(setup_.key_file, "--ecryptfskey");
    }

    int run() {
        if (!globals_.json) {
            print();
        }
        if (run_.begin(1)) {
            EnrollOptions words = run_.words_for(setup_.request);
            words.keys.elsewhere = [this] { return keys(); };
            if (run_.enroll(words, "") && !globals_.json) {
                print_what_next();
            }
        }
        return run_.end("volumes", Json::array({volume_json()}));
    }

  private:
    void check_there(const std::string& file, const char* const option) const {
        const auto there = globals_.paths().below_root(file);
        if (!std::filesystem::exists(there)) {
            throw Error{Reason::no_input, there.string() +
                                              " is not there, so dracut has no key to load: if it "
                                              "lies elsewhere, name it with " +
                                              option + " FILE"};
        }
    }

    [[nodiscard]] std::unique_ptr<KeySource> keys() const {
        const std::string master_file = globals_.paths().below_root(setup_.master_file).string();
        const std::string key_file = globals_.paths().below_root(setup_.key_file).string();
        constexpr std::size_t longest_blob = 4096;
        const SecretBytes blob = read_secret(master_file, longest_blob);
        const SecretBytes text = read_secret(key_file, longest_blob);
        const SecretBytes master = setup_.master_type == "user" ? blob.clone() : unsealed(master_file, blob);
        try {
            return dracut_keys(text_of(text), master);
        } catch (const Error& error) {
            throw error.in(key_file);
        }
    }

    [[nodiscard]] SecretBytes unsealed(const std::string& file, const SecretBytes& blob) const {
        const auto opener = chosen_tpm(globals_);
        const auto tpm = open_managed_tpm(*opener, back_off_between_tries);
        try {
            return open_trusted_blob(*tpm, text_of(blob));
        } catch (const Error& error) {
            throw error.in(file);
        }
    }

    static std::string text_of(const SecretBytes& bytes) {
        return {reinterpret_cast<const char*>(bytes.bytes().data()), bytes.size()};
    }

    void print() const {
        const Volume& wanted = setup_.request.volume;
        std::printf("%s: %s on %s\n", wanted.name.c_str(), wanted.lower.c_str(), wanted.mountpoint.c_str());
        std::printf("  master key %s (%s)\n", setup_.master_file.c_str(), setup_.master_type.c_str());
        std::printf("  key        %s\n", setup_.key_file.c_str());
        print_options(wanted, setup_.dropped);
        if (wanted.lower == wanted.mountpoint) {
            std::printf(
                "  warning    while it is not mounted, what programs write there lies unencrypted among "
                "the encrypted files: --mountpoint names another place\n");
        }
    }

    [[nodiscard]] Json volume_json() const {
        const Volume& wanted = setup_.request.volume;
        return {{"name", wanted.name},
                {"lower", wanted.lower},
                {"mountpoint", wanted.mountpoint},
                {"master_type", setup_.master_type},
                {"master_file", setup_.master_file},
                {"key_file", setup_.key_file},
                {"options", wanted.options},
                {"dropped", setup_.dropped}};
    }

    void print_what_next() const {
        std::printf(
            "dracut's set-up is still there, and mounts the volume in the initrd, before its unit could. "
            "When you have seen the volume open, rebuild the initrd without the modules masterkey and "
            "ecryptfs ('omit_dracutmodules' in dracut.conf(5)).\n");
        if (setup_.master_type == "trusted") {
            std::printf(
                "Until then do not seal to PCR 11: dracut writes a random value there at each boot.\n");
        }
        std::printf(
            "No key file was removed: %s and %s open the volume without any policy. Delete them when a "
            "recovery key is kept elsewhere.\n",
            setup_.master_file.c_str(), setup_.key_file.c_str());
    }

    const Options& words_;
    const Globals& globals_;
    DracutSetup setup_;
    ImportRun run_;
};

} // namespace

Run declare_import_dracut(CLI::App& verb, const Globals& globals) {
    const auto words = std::make_shared<Options>();
    verb.add_option("NAME", words->name, "the volume's name (made of the mount point's)");
    verb.add_option("--mountpoint", words->mountpoint, "mount it there, and not where dracut did");
    verb.add_option("--masterkey", words->masterkey,
                    "the file with the master key, as the kernel argument of this name says");
    verb.add_option("--masterkeytype", words->masterkeytype, "its type: trusted or user");
    verb.add_option("--ecryptfskey", words->ecryptfskey, "the file with the encrypted key");
    add_import_options(verb, words->import, "");
    return [words, &globals] { return Import{*words, globals}.run(); };
}

} // namespace sealmount
