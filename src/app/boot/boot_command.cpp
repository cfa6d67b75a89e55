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
#include <optional>

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
    std::fprintf(stderr, "sealmount-unlock: %s cannot be run\n", program);
    return EX_OSERR;
}

void append(std::string& text, const std::vector<std::string>& names) {
    bool is_first = true;
    for (const std::string& name : names) {
        text.append(is_first ? "" : ", ").append(name);
        is_first = false;
    }
}

std::string text_of(const BootJob& job, const PlainReport& report, const std::string_view form) {
    if (report.was_loaded) {
        return "the keys were loaded already";
    }
    std::string text{"unlocked by the TPM (slot "};
    text.append(std::to_string(report.slot)).append(", ").append(form).append(" key)");
    if (!report.along.empty()) {
        text.append(job.kind == BootJob::Kind::master ? ": " : ", and with it: ");
        append(text, report.along);
    }
    return text;
}

/// The journal learns a sender's unit from its process, which may be gone by then; this makes `journalctl -u`
/// find the message all the same (systemd.journal-fields(7)).
std::string unit_of(const BootJob& job) {
    return std::string{"sealmount-unlock@"}.append(job.name).append(".service");
}

void report_unlock(const BootJob& job, const PlainReport& report, const std::string_view form,
                   const char* const program) {
    const BootMessage message = boot_message(job, report, form, program);
    if (!is_service_of_systemd() || !message.record.send()) {
        std::fprintf(stderr, "sealmount-unlock: %.*s: %s\n", static_cast<int>(job.name.size()),
                     job.name.data(), message.text.c_str());
    }
    notify_status("Unlocked");
}

} // namespace

BootMessage boot_message(const BootJob& job, const PlainReport& report, const std::string_view form,
                         const std::string_view program) {
    BootMessage message{.text = text_of(job, report, form), .record = {}};
    JournalRecord& record = message.record;
    record.add("MESSAGE", message.text);
    record.add("PRIORITY", "6"); // LOG_INFO, syslog(3)
    if (job.kind == BootJob::Kind::volume) {
        record.add(journal::volume, job.name);
    }
    record.add("OBJECT_SYSTEMD_UNIT", unit_of(job));
    record.add(journal::message_id, journal::unlocked);
    record.add(journal::master, report.master);
    record.add(journal::way, report.was_loaded ? "loaded-already" : "tpm");
    if (!report.was_loaded) {
        record.add(journal::form, form);
        record.add(journal::slot, std::to_string(report.slot));
    }
    for (const std::string& other : report.along) {
        record.add(journal::along, other);
    }
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
    const auto waits = [] { notify_status("Waiting for another volume's unlock"); };
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
