// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/boot/boot_command.hpp"

#include "app/output/journal_names.hpp"
#include "core/unlock/plain_json.hpp"

#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace sealmount {

namespace {

/// What is asked for on the command line, if it is one of the three things that a boot needs.
struct BootRequest {
    bool is_unload = false;
    BootJob job;
};

std::optional<BootRequest> boot_request(const int argc, char* const* const argv) {
    const auto word = [&](const int number) { return std::string_view{argv[number]}; };
    const bool has_dashes =
        argc == 4 && word(2) == "--"; // a name never begins with one, but the unit need not know
    if ((argc != 3 && !has_dashes) || !is_plain_name(word(argc - 1))) {
        return std::nullopt;
    }
    BootRequest request;
    request.job.name = word(argc - 1);
    if (word(1) == "load-all") {
        request.job.kind = BootJob::Kind::master;
    }
    request.is_unload = word(1) == "unload";
    const bool is_known = request.is_unload || word(1) == "load" || word(1) == "load-all";
    return is_known ? std::optional{request} : std::nullopt;
}

int become(const char* const program, char* const* const argv) {
    ::execv(program, argv);
    const int error = errno;
    const char* const level = is_service_of_systemd() ? "<3>" : ""; // sd-daemon(3), SD_ERR
    std::fprintf(stderr, "%ssealmount-unlock: %s cannot be run: %s\n", level, program, std::strerror(error));
    return EX_OSERR;
}

void append_names(std::string& text, const std::vector<PlainName>& names) {
    bool is_first = true;
    for (const PlainName& each : names) {
        text.append(is_first ? "" : ", ").append(each.name);
        is_first = false;
    }
}

std::string text_of_unlock(const PlainReport& report, const std::string_view form) {
    switch (report.way) {
    case PlainReport::Way::loaded_already:
        return "the keys were loaded already";
    case PlainReport::Way::mounted_already:
        return "the volume is mounted already, and needs no keys any more";
    case PlainReport::Way::tpm:
        break;
    }
    std::string text{"unlocked by the TPM (slot "};
    text.append(std::to_string(report.slot)).append(", ").append(form).append(" key)");
    if (!report.along.empty()) {
        text.append(", and with it: ");
        append_names(text, report.along);
    }
    return text;
}

const char* name_of_way(const PlainReport::Way way) {
    switch (way) {
    case PlainReport::Way::loaded_already:
        return "loaded-already";
    case PlainReport::Way::mounted_already:
        return "mounted-already";
    case PlainReport::Way::tpm:
        break;
    }
    return "tpm";
}

/// The service that runs the job, as core/volume/unit_text.hpp names it.
std::string unit_of_job(const BootJob& job) {
    const char* const prefix = job.kind == BootJob::Kind::master ? "sealmount-unlock@" : "sealmount-load@";
    return std::string{prefix}.append(job.name).append(".service");
}

/// So that `systemctl status` of the mount shows it as well; none where the name would be too long for a
/// unit.
void add_mount_unit(JournalRecord& record, const PlainName& volume) {
    if (const auto unit = plain_mount_unit(volume.mountpoint)) {
        record.add(journal::object_unit, *unit);
    }
}

/// Of a master's job that found nothing to do, only the status says so.
void report_unlock(const BootJob& job, const PlainReport& report, const std::string_view form,
                   const char* const program) {
    if (job.kind == BootJob::Kind::volume || report.way == PlainReport::Way::tpm) {
        const BootMessage message = boot_message(job, report, form, program);
        if (!is_service_of_systemd() || !message.record.send()) {
            std::fprintf(stderr, "sealmount-unlock: %s: %s\n", report.volume.name.c_str(),
                         message.text.c_str());
        }
    }
    notify_status("Unlocked");
}

} // namespace

std::optional<std::string> plain_mount_unit(const std::string_view mountpoint) {
    constexpr std::size_t longest_unit = 255;
    constexpr std::string_view digits = "0123456789abcdef";
    std::string unit;
    for (const char c : mountpoint.substr(1)) {
        const bool stays = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           c == ':' || c == '_' || (c == '.' && !unit.empty());
        if (c == '/') {
            unit.push_back('-');
        } else if (stays) {
            unit.push_back(c);
        } else {
            const auto byte = static_cast<unsigned char>(c);
            unit.append("\\x").append(1, digits[byte >> 4U]).append(1, digits[byte & 15U]);
        }
    }
    unit.append(".mount");
    return unit.size() > longest_unit ? std::nullopt : std::optional{unit};
}

BootMessage boot_message(const BootJob& job, const PlainReport& report, const std::string_view form,
                         const std::string_view program) {
    const bool by_tpm = report.way == PlainReport::Way::tpm;
    BootMessage message{.text = text_of_unlock(report, form), .record = {}};
    JournalRecord& record = message.record;
    record.add("MESSAGE", message.text);
    record.add("PRIORITY", "6"); // LOG_INFO, syslog(3)
    record.add(journal::volume, report.volume.name);
    record.add(journal::message_id, journal::unlocked);
    record.add(journal::master, report.master);
    record.add(journal::way, name_of_way(report.way));
    if (by_tpm) {
        record.add(journal::form, form);
        record.add(journal::slot, std::to_string(report.slot));
    }
    for (const PlainName& other : report.along) {
        record.add(journal::along, other.name);
        if (job.kind == BootJob::Kind::master) {
            add_mount_unit(record, other);
        }
    }
    record.add(journal::object_unit, unit_of_job(job));
    add_mount_unit(record, report.volume);
    record.add("SYSLOG_IDENTIFIER", program);
    return message;
}

int boot_command(const int argc, char* const* const argv, BootKernel& kernel,
                 const BootSuccessors& successors) {
    const auto request = boot_request(argc, argv);
    if (!request) {
        return become(successors.full, argv);
    }
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    const PlainPlaces places;
    if (request->is_unload) {
        return plain_unload(kernel, places, request->job.name) == PlainOutcome::done
                   ? EX_OK
                   : become(successors.full, argv);
    }
    PlainReport report;
    const auto waits = [] { notify_status("Waiting for another unlock"); };
    switch (plain_load(kernel, places, request->job, waits, report)) {
    case PlainOutcome::done:
        report_unlock(request->job, report, kernel.form(), program_invocation_short_name);
        return EX_OK;
    case PlainOutcome::other_form:
        if (successors.other_form != nullptr) {
            ::execv(successors.other_form, argv); // returns if it is not installed
        }
        break;
    case PlainOutcome::not_plain:
        break;
    }
    kernel.forget();
    return become(successors.full, argv);
}

} // namespace sealmount
