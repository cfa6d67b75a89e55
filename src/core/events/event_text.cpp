// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/events/event_text.hpp"

#include "base/byte_reader.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "core/events/device_path.hpp"
#include "core/events/efi_variable.hpp"
#include "core/events/variable_text.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

struct TypeName {
    std::uint32_t type;
    std::string_view name;
};

constexpr std::array type_names = {
    TypeName{0x00, "EV_PREBOOT_CERT"},
    TypeName{0x01, "EV_POST_CODE"},
    TypeName{0x03, "EV_NO_ACTION"},
    TypeName{0x04, "EV_SEPARATOR"},
    TypeName{0x05, "EV_ACTION"},
    TypeName{0x06, "EV_EVENT_TAG"},
    TypeName{0x07, "EV_S_CRTM_CONTENTS"},
    TypeName{0x08, "EV_S_CRTM_VERSION"},
    TypeName{0x09, "EV_CPU_MICROCODE"},
    TypeName{0x0a, "EV_PLATFORM_CONFIG_FLAGS"},
    TypeName{0x0b, "EV_TABLE_OF_DEVICES"},
    TypeName{0x0c, "EV_COMPACT_HASH"},
    TypeName{0x0d, "EV_IPL"},
    TypeName{0x0e, "EV_IPL_PARTITION_DATA"},
    TypeName{0x0f, "EV_NONHOST_CODE"},
    TypeName{0x10, "EV_NONHOST_CONFIG"},
    TypeName{0x11, "EV_NONHOST_INFO"},
    TypeName{0x12, "EV_OMIT_BOOT_DEVICE_EVENTS"},
    TypeName{0x13, "EV_POST_CODE2"},
    TypeName{0x80000001, "EV_EFI_VARIABLE_DRIVER_CONFIG"},
    TypeName{0x80000002, "EV_EFI_VARIABLE_BOOT"},
    TypeName{0x80000003, "EV_EFI_BOOT_SERVICES_APPLICATION"},
    TypeName{0x80000004, "EV_EFI_BOOT_SERVICES_DRIVER"},
    TypeName{0x80000005, "EV_EFI_RUNTIME_SERVICES_DRIVER"},
    TypeName{0x80000006, "EV_EFI_GPT_EVENT"},
    TypeName{0x80000007, "EV_EFI_ACTION"},
    TypeName{0x80000008, "EV_EFI_PLATFORM_FIRMWARE_BLOB"},
    TypeName{0x80000009, "EV_EFI_HANDOFF_TABLES"},
    TypeName{0x8000000a, "EV_EFI_PLATFORM_FIRMWARE_BLOB2"},
    TypeName{0x8000000b, "EV_EFI_HANDOFF_TABLES2"},
    TypeName{0x8000000c, "EV_EFI_VARIABLE_BOOT2"},
    TypeName{0x8000000d, "EV_EFI_GPT_EVENT2"},
    TypeName{0x80000010, "EV_EFI_HCRTM_EVENT"},
    TypeName{0x800000e0, "EV_EFI_VARIABLE_AUTHORITY"},
    TypeName{0x800000e1, "EV_EFI_SPDM_FIRMWARE_BLOB"},
    TypeName{0x800000e2, "EV_EFI_SPDM_FIRMWARE_CONFIG"},
    TypeName{0x800000e3, "EV_EFI_SPDM_DEVICE_POLICY"},
    TypeName{0x800000e4, "EV_EFI_SPDM_DEVICE_AUTHORITY"},
};

std::string type_number(const std::uint64_t value) {
    return formatted("{:#x}", value);
}

std::string size_of(const BytesView data) {
    return formatted("{} byte{}", data.size(), data.size() == 1 ? "" : "s");
}

std::string text_or_size(const BytesView data) {
    const std::string text = text_in(data);
    return text.empty() ? size_of(data) : text;
}

/// EFI_IMAGE_LOAD_EVENT (10.2.3).
std::string describe_image(const BytesView data) {
    ByteReader reader{data};
    (void)reader.take(24); // location, length and link-time address in memory
    const auto size = reader.u64();
    const auto path = size ? reader.take(*size) : std::nullopt;
    if (!path) {
        return "an image without a device path";
    }
    return path->empty() ? "an image from memory" : device_path_text(*path);
}

/// EFI_PLATFORM_FIRMWARE_BLOB and its second form, which has a name (10.2.4).
std::string describe_blob(const BytesView data, const bool has_name) {
    ByteReader reader{data};
    std::string name = "firmware";
    if (has_name) {
        const auto text = reader.take(reader.u8().value_or(0));
        name = text ? text_in(*text) : name;
    }
    const auto base = reader.u64();
    const auto size = reader.u64();
    return base && size ? formatted("{}, {} bytes at {}", name, type_number(*size), type_number(*base))
                        : text_or_size(data);
}

/// UEFI_HANDOFF_TABLE_POINTERS and its second form, which has a name (10.2.5).
std::string describe_handoff(const BytesView data, const bool has_name) {
    static const std::array known = {
        std::pair{guid_of("eb9d2d31-2d88-11d3-9a16-0090273fc14d"), "SMBIOS"},
        std::pair{guid_of("f2fd1544-9794-4a2c-992e-e5bbcf20e394"), "SMBIOS 3"},
        std::pair{guid_of("8868e871-e4f1-11d3-bc22-0080c73c8881"), "ACPI 2.0"},
        std::pair{guid_of("eb9d2d30-2d88-11d3-9a16-0090273fc14d"), "ACPI 1.0"},
    };
    ByteReader reader{data};
    std::vector<std::string> tables;
    if (has_name) {
        const auto text = reader.take(reader.u8().value_or(0));
        if (std::string name = text ? text_in(*text) : std::string{}; !name.empty()) {
            tables.push_back(std::move(name));
        }
    }
    const std::uint64_t count = reader.u64().value_or(0);
    for (std::uint64_t at = 0; at < count; ++at) {
        const auto bytes = reader.take(sizeof(Guid));
        if (!bytes || !reader.u64()) {
            break;
        }
        Guid guid{};
        std::ranges::copy(*bytes, guid.begin());
        const auto* const name = std::ranges::find(known, guid, &std::pair<Guid, const char*>::first);
        tables.push_back(name == known.end() ? to_string(guid) : name->second);
    }
    return tables.empty() ? size_of(data) : join(tables) + " tables";
}

/// UEFI_GPT_DATA (10.2.7): the header of the partition table, and its entries in use.
std::string describe_gpt(const BytesView data) {
    constexpr std::size_t disk_guid_at = 56;
    constexpr std::size_t header_size = 92;
    ByteReader reader{data};
    const auto header = reader.take(header_size);
    const auto count = reader.u64();
    if (!header || !count) {
        return size_of(data);
    }
    Guid disk{};
    std::ranges::copy(header->subspan(disk_guid_at, sizeof(Guid)), disk.begin());
    return formatted("partition table of disk {}, {} partitions", to_string(disk), *count);
}

/// TCG_PCClientTaggedEvent (10.2.8).
std::string describe_tag(const BytesView data) {
    ByteReader reader{data};
    const auto id = reader.u32();
    const auto size = reader.u32();
    const auto text = size ? reader.take(*size) : std::nullopt;
    if (!id || !text) {
        return size_of(data);
    }
    const std::string label = text_in(*text);
    const std::string in_parentheses = label.empty() ? "" : formatted(" ({})", label);
    switch (*id) {
    case linux_initrd_tag:
        return "initrd, measured by Linux" + in_parentheses;
    case linux_options_tag:
        return "command line, measured by Linux" + in_parentheses;
    default:
        return formatted("tag {}{}{}", type_number(*id), label.empty() ? "" : ": ", label);
    }
}

std::string describe_separator(const BytesView data) {
    const bool is_plain = data.size() == 4 && std::ranges::all_of(data, [&](const std::byte b) {
                              return b == data.front() && (b == std::byte{0} || b == std::byte{0xff});
                          });
    return is_plain ? "end of the firmware's part" : "separator, " + text_or_size(data);
}

std::string describe_no_action(const LogEvent& event) {
    const std::string text =
        text_in(BytesView{event.data}.first(std::min<std::size_t>(16, event.data.size())));
    if (text == "StartupLocality" && event.data.size() > 16) {
        return formatted("TPM started from locality {}", std::to_integer<unsigned>(event.data[16]));
    }
    return text.starts_with("Spec ID Event") ? "the log's own description" : text_or_size(event.data);
}

std::string plain_text_of(const LogEvent& event) {
    const BytesView data = event.data;
    switch (static_cast<std::uint32_t>(event.type)) {
    case 0x03:
        return describe_no_action(event);
    case 0x04:
        return describe_separator(data);
    case 0x06:
        return describe_tag(data);
    case 0x08:
        return text_in(data).empty() ? "version of the firmware's first code"
                                     : "firmware version " + text_in(data);
    case 0x80000001:
    case 0x80000002:
    case 0x8000000c:
    case 0x800000e0:
        return describe_variable(data);
    case 0x80000003:
    case 0x80000004:
    case 0x80000005:
        return describe_image(data);
    case 0x80000006:
    case 0x8000000d:
        return describe_gpt(data);
    case 0x80000008:
        return describe_blob(data, false);
    case 0x8000000a:
        return describe_blob(data, true);
    case 0x80000009:
        return describe_handoff(data, false);
    case 0x8000000b:
        return describe_handoff(data, true);
    case 0x01:
    case 0x13:
        // Newer firmware gives a blob's place, older a text (10.4.1).
        return text_in(data).empty() ? describe_blob(data, event.type == EventType{0x13}) : text_in(data);
    default:
        return text_or_size(data);
    }
}

} // namespace

std::string event_type_name(const EventType type) {
    const auto number = static_cast<std::uint32_t>(type);
    const auto* const found = std::ranges::find(type_names, number, &TypeName::type);
    return found == type_names.end() ? type_number(number) : std::string{found->name};
}

std::string text_in(const BytesView data) {
    const auto is_text = [](const std::byte b) {
        const auto c = std::to_integer<unsigned char>(b);
        return (c >= 0x20 && c != 0x7f) || c == '\t' || c == '\n' || c == '\r';
    };
    BytesView trimmed = data;
    while (!trimmed.empty() && trimmed.back() == std::byte{0}) {
        trimmed = trimmed.first(trimmed.size() - 1);
    }
    const std::string_view bytes{reinterpret_cast<const char*>(trimmed.data()), trimmed.size()};
    if (!trimmed.empty() && std::ranges::all_of(trimmed, is_text) && is_utf8(bytes)) {
        return std::string{bytes};
    }
    if (data.size() < 2 || data.size() % 2 != 0) {
        return {};
    }
    const std::string text = utf8(data);
    const std::size_t units = data.size() / 2;
    const bool is_whole = utf16(text).value_or(Bytes{}).size() / 2 + 1 >= units; // no NUL before the last
    const bool is_clean =
        std::ranges::all_of(as_bytes(text), is_text) && text.find("\xef\xbf\xbd") == std::string::npos;
    // Nearly any bytes are valid UTF-16; what boot loaders log is mostly ASCII.
    const auto plain = static_cast<std::size_t>(
        std::ranges::count_if(text, [](const char c) { return static_cast<unsigned char>(c) < 0x80; }));
    return is_whole && is_clean && 2 * plain >= units ? text : std::string{};
}

std::string describe(const LogEvent& event) {
    return printable(plain_text_of(event));
}

std::string describe(const MeasureEvent& event) {
    const std::string what = event.kind == "phase" ? "boot phase" : event.kind;
    return printable(what.empty() || event.string.empty() ? what + event.string : what + " " + event.string);
}

} // namespace sealmount
