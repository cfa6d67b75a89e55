// Compares what a boot through GRUB is computed to measure with what the firmware logged of it.
//
// grub-boot LOG IMAGE SECURE-BOOT DEVICE=UUID=DIRECTORY...
//
// LOG is the firmware's event log, IMAGE the GRUB that started from the first DEVICE (as GRUB names it),
// whose files are in DIRECTORY as they were before the boot; SECURE-BOOT is yes or no. Without a log LOG is
// "none": then only values are computed. Prints a line for PCR
// 8 and one for PCR 9: "8 VALUE" (SHA-256) when all events are the same, else what differs; the status is 1
// then.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/error.hpp"
#include "base/hex.hpp"
#include "base/text.hpp"
#include "core/grub/grub_comparison.hpp"
#include "core/grub/grub_image.hpp"
#include "sys/tpm/digest.hpp"

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

using namespace sealmount;

namespace {

namespace fs = std::filesystem;

std::string read_all(const fs::path& path) {
    std::ifstream file{path, std::ios::binary};
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) {
        throw std::runtime_error{path.string() + ": cannot be read"};
    }
    return text.str();
}

/// Directories of this machine as GRUB's devices.
class DirectoryMachine final : public GrubMachine {
  public:
    void add(const std::string& argument) {
        const std::size_t first = argument.find('=');
        const std::size_t second = argument.find('=', first + 1);
        const std::string device = argument.substr(0, first);
        devices_.push_back(
            {.name = device, .uuid = argument.substr(first + 1, second - first - 1), .label = ""});
        roots_[device] = argument.substr(second + 1);
    }

    [[nodiscard]] std::vector<GrubDevice> devices() const override { return devices_; }
    [[nodiscard]] GrubFileKind kind(const GrubFile& file) const override {
        const fs::path path = path_of(file);
        return fs::is_directory(path)      ? GrubFileKind::directory
               : fs::is_regular_file(path) ? GrubFileKind::file
                                           : GrubFileKind::missing;
    }
    [[nodiscard]] std::string read(const GrubFile& file) const override { return read_all(path_of(file)); }
    [[nodiscard]] GrubNames names(const GrubFile& directory) const override {
        GrubNames found;
        for (const auto& entry : fs::directory_iterator{path_of(directory)}) {
            found.names.push_back(entry.path().filename());
        }
        return found;
    }
    [[nodiscard]] Bytes digest(const std::vector<GrubFile>& files, const PcrBank bank) const override {
        std::string joined;
        for (const GrubFile& file : files) {
            joined.resize((joined.size() + 3) / 4 * 4);
            joined += read(file);
        }
        return sealmount::digest(bank, {as_bytes(joined)});
    }

  private:
    [[nodiscard]] fs::path path_of(const GrubFile& file) const { return roots_.at(file.device) + file.path; }

    std::vector<GrubDevice> devices_;
    std::map<std::string, std::string> roots_;
};

bool print_value(const GrubBoot& boot, const GrubMachine& machine, const unsigned pcr) {
    if (const auto unknown = boot.unknown.find(pcr); unknown != boot.unknown.end()) {
        std::cout << pcr << " is not known from " << to_string(unknown->second.place)
                  << " on: " << unknown->second.reason << '\n';
        return false;
    }
    Bytes value = initial_pcr_value(pcr, PcrBank::sha256, 0);
    for (const GrubEvent& event : boot.events) {
        if (event.pcr == pcr) {
            value = extended(PcrBank::sha256, value, digest(event, machine, PcrBank::sha256));
        }
    }
    std::cout << pcr << ' ' << to_hex(value) << '\n';
    return true;
}

bool compare(const GrubBoot& boot, const GrubMachine& machine, const EventLog& log, const unsigned pcr) {
    if (const auto difference = first_difference(boot, machine, log, pcr, PcrBank::sha256)) {
        std::cout << pcr << " differs at event " << difference->number << " of the log: logged \""
                  << difference->logged << "\", computed \"" << printable(difference->computed) << "\" of "
                  << to_string(difference->place) << ' ' << difference->reason << '\n';
        return false;
    }
    return print_value(boot, machine, pcr);
}

int run(const std::vector<std::string>& arguments) {
    const std::string image_text = read_all(arguments.at(1));
    const auto image = read_grub_image(as_bytes(image_text));
    if (!image) {
        throw std::runtime_error{arguments.at(1) + ": not an image of GRUB"};
    }
    DirectoryMachine machine;
    for (std::size_t at = 3; at < arguments.size(); ++at) {
        machine.add(arguments.at(at));
    }
    const GrubStart start =
        start_of(*image, machine.devices().at(0).name, "/EFI/BOOT", arguments.at(2) == "yes");
    const GrubBoot boot = run_grub(start, machine);
    if (arguments.at(0) == "none") {
        const bool commands = print_value(boot, machine, grub_command_pcr);
        return print_value(boot, machine, grub_file_pcr) && commands ? 0 : 1;
    }
    const std::string log_text = read_all(arguments.at(0));
    const EventLog log = parse_event_log(as_bytes(log_text), arguments.at(0));
    const bool commands = compare(boot, machine, log, grub_command_pcr);
    return compare(boot, machine, log, grub_file_pcr) && commands ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run({argv + 1, argv + argc});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "grub-boot: %s\n", error.what());
        return 2;
    }
}
