// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/options/recovery_options.hpp"

#include "app/output/print.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "base/standard_descriptors.hpp"
#include "core/slots/recovery.hpp"
#include "sys/crypto/qr_code.hpp"
#include "sys/files/files.hpp"
#include "sys/prompt/secret_input.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace sealmount {

namespace {

constexpr mode_t secret_file_mode = 0600;
constexpr const char* form = "eight groups of eight letters, as 'sealmount recovery-key' shows it";

std::string_view as_text(const SecretBytes& secret) {
    return {reinterpret_cast<const char*>(secret.bytes().data()), secret.size()};
}

/// Past the buffers of stdio, which nobody wipes.
void print_secret(const SecretBytes& secret, const std::string& lost) {
    std::fflush(stdout);
    std::string_view rest = as_text(secret);
    while (!rest.empty()) {
        const ssize_t written = ::write(STDOUT_FILENO, rest.data(), rest.size());
        if (written < 0 && errno != EINTR) {
            throw_errno(errno, lost);
        }
        rest.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
}

/// One that only its owner can read, and that is ours: as save() makes it.
bool is_own_secret_file(const std::string& file) {
    struct ::stat status = {};
    return ::lstat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == ::geteuid() &&
           (status.st_mode & (S_IRWXG | S_IRWXO)) == 0 && status.st_size > 0 &&
           status.st_size <= static_cast<::off_t>(longest_recovery_key_text);
}

void show(const SecretBytes& key, const std::string& master, const Globals& globals) {
    const std::string lost =
        "cannot show the recovery key, which is in force: 'sealmount recovery-key' makes another one";
    const SecretBytes text = recovery_key_text(key);
    if (!is_seen(globals)) { // asked for by name: for a pipe
        print_secret(text, lost);
        print("\n");
        return;
    }
    print("The recovery key of the master key {} opens all its volumes without the TPM:\n", master);
    show_secret(text, lost);
    print("Write it down or scan it, and keep it away from this machine. It is not shown again; 'sealmount "
          "recovery-key {}' makes a new one.\n",
          master);
}

/// Nothing when its file cannot be read.
std::optional<bool> had_recovery_key(const Store& store, const std::string& master) {
    try {
        return !store.master(master).recovery.empty();
    } catch (const Error&) {
        return std::nullopt;
    }
}

} // namespace

void add_new_recovery_options(Arguments& verb, NewRecoveryOptions& options) {
    verb.flag("--no-recovery-key", options.none, "make no recovery key for a new master key");
    verb.option("--save-recovery-key", "FILE", options.save_file,
                "write the new recovery key to FILE, which only its owner can read, instead of showing it");
}

void add_present_recovery_option(Arguments& verb, std::string& file) {
    verb.option("--recovery-key-file", "FILE", file,
                "read the present recovery key from FILE, so that it opens the new master key too (- for "
                "standard input)");
}

void show_secret(const SecretBytes& text, const std::string& lost) {
    print("\n    ");
    print_secret(text, lost);
    print("\n\n");
    if (const auto code = qr_code_for_terminal(text)) {
        print_secret(*code, lost);
    }
}

bool is_seen(const Globals& globals) {
    return !globals.json && ::isatty(STDOUT_FILENO) == 1;
}

NewRecoveryKey::NewRecoveryKey(std::string file)
    : key_(random_secret(recovery_key_size)), file_(std::move(file)) {
}

bool opens_master(const Store& store, const std::string& name, const SecretBytes& recovery_key) {
    try {
        return open_with_recovery_key(name, store.master(name), recovery_key).has_value();
    } catch (const Error&) {
        return false;
    }
}

NewRecoveryKey::~NewRecoveryKey() {
    if (is_in_force_ && !is_in_force_()) {
        std::error_code stays;
        std::filesystem::remove(file_, stays);
    }
}

std::unique_ptr<NewRecoveryKey> NewRecoveryKey::make(const NewRecoveryOptions& options, const bool seen) {
    if (options.none && !options.save_file.empty()) {
        throw Error{Reason::usage, "--no-recovery-key and --save-recovery-key exclude each other"};
    }
    if (options.none || (options.save_file.empty() && !seen)) {
        return nullptr;
    }
    if (options.save_file.empty() && is_output_lost()) {
        throw Error{Reason::usage,
                    "nobody would get the recovery key: standard output is closed or /dev/null; "
                    "write it to a file with --save-recovery-key FILE"};
    }
    if (!options.save_file.empty() && std::filesystem::exists(options.save_file)) {
        throw Error{Reason::cannot_create,
                    formatted("{}: exists already, and a recovery key overwrites nothing: name another file",
                              options.save_file)};
    }
    return std::unique_ptr<NewRecoveryKey>{new NewRecoveryKey{options.save_file}};
}

std::unique_ptr<NewRecoveryKey>
NewRecoveryKey::make_or_resume(const NewRecoveryOptions& options, const bool seen,
                               const std::function<bool(const SecretBytes&)>& is_taken) {
    if (options.none || options.save_file.empty() || !is_own_secret_file(options.save_file)) {
        return make(options, seen);
    }
    auto key = recovery_key_from(read_secret(options.save_file, longest_recovery_key_text));
    if (!key || is_taken(*key)) {
        return make(options, seen);
    }
    std::unique_ptr<NewRecoveryKey> resumed{new NewRecoveryKey{options.save_file}};
    resumed->key_ = std::move(*key);
    resumed->resumed_ = true;
    return resumed;
}

void NewRecoveryKey::save(const Store& store, const std::string& master) {
    if (file_.empty() || is_in_force_) {
        return;
    }
    const std::filesystem::path file{file_};
    const auto directory = file.has_parent_path() ? file.parent_path() : std::filesystem::path{"."};
    if (resumed_) {
        sync_directory(directory); // whoever had written it was killed, maybe before this
    } else {
        SecretBytes line{recovery_key_text_size + 1};
        const SecretBytes text = recovery_key_text(key_);
        std::ranges::copy(text.bytes(), line.bytes().begin());
        line.bytes().back() = std::byte{'\n'};
        write_file_atomically(file_, as_text(line), secret_file_mode);
        is_in_force_ = [this, store, master] { return opens_master(store, master, key_); };
    }
    remove_leftovers(directory, file.filename().string());
}

void NewRecoveryKey::hand_over(const std::string& master, const Globals& globals) {
    if (file_.empty()) {
        show(key_, master, globals);
    } else if (!globals.json) {
        print("The recovery key of the master key {} is in {}: keep it away from this machine.\n", master,
              file_);
    }
    std::fflush(stdout);
    is_in_force_ = nullptr;
}

RenewedRecoveryKey recovery_key_for_renewal(const Paths& paths, const std::string& master,
                                            const NewRecoveryOptions& options,
                                            const std::string& present_file, const Globals& globals) {
    const Store store{paths};
    if (!present_file.empty()) {
        if (options.none || !options.save_file.empty()) {
            throw Error{Reason::usage, "--recovery-key-file keeps the present recovery key: leave "
                                       "--no-recovery-key and --save-recovery-key out"};
        }
        SecretBytes key = recovery_key_in(present_file);
        static_cast<void>(open_by_recovery_key(store, master, key));
        return {.present = std::move(key), .fresh = nullptr};
    }
    const std::optional<bool> known = had_recovery_key(store, master);
    const bool had_one = known.value_or(true);
    RenewedRecoveryKey renewed;
    if (had_one || !options.save_file.empty()) {
        renewed.fresh = NewRecoveryKey::make(options, is_seen(globals));
    }
    if (!known) {
        print_error(
            "sealmount: warning: the file of the master key \"{}\" cannot be read; if it had a recovery "
            "key, that one opens nothing from now on\n",
            master);
    }
    if (had_one && !renewed.fresh && !options.none) {
        throw Error{Reason::usage, formatted("the recovery key of the master key \"{}\" cannot open a new "
                                             "one: give it with --recovery-key-file FILE, write a new one "
                                             "with --save-recovery-key FILE, or say --no-recovery-key",
                                             master)};
    }
    return renewed;
}

SecretBytes recovery_key_in(const std::string& file) {
    auto key = recovery_key_from(read_secret(file, longest_recovery_key_text));
    if (!key) {
        throw Error{Reason::usage, formatted("{}: is not a recovery key: {}",
                                             file == "-" ? std::string{"standard input"} : file, form)};
    }
    return std::move(*key);
}

std::expected<std::optional<SecretBytes>, Refusal> ask_for_recovery_key(Prompt& prompt,
                                                                        const std::string& question) {
    const auto answer = prompt.ask(question, "sealmount:recovery", std::chrono::seconds{0});
    if (!answer) {
        return std::unexpected{answer.error()};
    }
    if (answer->empty()) {
        return std::nullopt;
    }
    auto key = recovery_key_from(*answer);
    if (!key) {
        throw Error{Reason::usage, formatted("that is not a recovery key: {}", form)};
    }
    return key;
}

} // namespace sealmount
