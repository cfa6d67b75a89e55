// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/events/device_path.hpp"

#include "base/byte_reader.hpp"
#include "base/hex.hpp"
#include "base/text.hpp"
#include "core/events/efi_variable.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace sealmount {

namespace {

enum class NodeType : std::uint8_t { hardware = 1, acpi = 2, messaging = 3, media = 4, bios = 5, end = 0x7f };

std::string hex_number(const std::uint64_t value) {
    std::array<char, 16> digits{};
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16);
    std::string text{digits.data(), end};
    std::ranges::transform(text, text.begin(),
                           [](const char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
    return "0x" + text;
}

std::string guid_text(ByteReader& body) {
    const auto bytes = body.take(sizeof(Guid));
    if (!bytes) {
        return "?";
    }
    Guid guid{};
    std::ranges::copy(*bytes, guid.begin());
    return to_string(guid);
}

std::string in_brackets(const char* const name, const std::initializer_list<std::string> words) {
    std::string text{name};
    char before = '(';
    for (const std::string& word : words) {
        text += before + word;
        before = ',';
    }
    return text + ")";
}

std::string hardware(const std::uint8_t subtype, ByteReader body) {
    if (subtype == 1) {
        const std::uint8_t function = body.u8().value_or(0);
        const std::uint8_t device = body.u8().value_or(0);
        return in_brackets("Pci", {hex_number(device), hex_number(function)});
    }
    if (subtype == 3) {
        const std::uint32_t kind = body.u32().value_or(0);
        const std::uint64_t begin = body.u64().value_or(0);
        return in_brackets("MemoryMapped",
                           {hex_number(kind), hex_number(begin), hex_number(body.u64().value_or(0))});
    }
    return subtype == 4 ? in_brackets("VenHw", {guid_text(body)}) : std::string{};
}

std::string acpi(const std::uint8_t subtype, ByteReader body) {
    constexpr std::uint32_t pci_root = 0x0a0341d0;
    constexpr std::uint32_t pcie_root = 0x0a0841d0;
    if (subtype != 1) {
        return {};
    }
    const std::uint32_t hid = body.u32().value_or(0);
    const std::string uid = hex_number(body.u32().value_or(0));
    return hid == pci_root    ? in_brackets("PciRoot", {uid})
           : hid == pcie_root ? in_brackets("PcieRoot", {uid})
                              : in_brackets("Acpi", {hex_number(hid), uid});
}

std::string messaging(const std::uint8_t subtype, ByteReader body) {
    const auto number = [&](const auto value) { return std::to_string(value.value_or(0)); };
    switch (subtype) {
    case 1: {
        const std::string secondary = number(body.u8());
        const std::string slave = number(body.u8());
        return in_brackets("Ata", {secondary, slave, number(body.u16())});
    }
    case 2: {
        const std::string target = number(body.u16());
        return in_brackets("Scsi", {target, number(body.u16())});
    }
    case 5: {
        const std::string port = number(body.u8());
        return in_brackets("USB", {port, number(body.u8())});
    }
    case 10:
        return in_brackets("VenMsg", {guid_text(body)});
    case 11:
        return in_brackets("MAC", {to_hex(body.rest().first(std::min<std::size_t>(6, body.left())))});
    case 12:
        return "IPv4()";
    case 13:
        return "IPv6()";
    case 18: {
        const std::string port = number(body.u16());
        const std::string multiplier = number(body.u16());
        return in_brackets("Sata", {port, multiplier, number(body.u16())});
    }
    case 23: {
        const std::string space = hex_number(body.u32().value_or(0));
        Bytes id{body.rest().begin(), body.rest().end()};
        std::ranges::reverse(id); // EUI-64, written most significant byte first
        std::string text = to_hex(id);
        for (std::size_t at = 2; at < text.size(); at += 3) {
            text.insert(at, 1, '-');
        }
        return in_brackets("NVMe", {space, text});
    }
    case 24:
        return in_brackets("Uri",
                           {std::string{reinterpret_cast<const char*>(body.rest().data()), body.left()}});
    case 29:
        return in_brackets("eMMC", {number(body.u8())});
    default:
        return {};
    }
}

std::string hard_disk(ByteReader body) {
    constexpr std::uint8_t is_mbr = 1;
    constexpr std::uint8_t is_gpt = 2;
    const std::string partition = std::to_string(body.u32().value_or(0));
    const std::string start = hex_number(body.u64().value_or(0));
    const std::string size = hex_number(body.u64().value_or(0));
    const auto signature = body.take(sizeof(Guid));
    (void)body.u8(); // the partition table's format, which the signature's repeats
    const std::uint8_t kind = body.u8().value_or(0);
    if (!signature) {
        return {};
    }
    if (kind == is_gpt) {
        ByteReader guid{*signature};
        return in_brackets("HD", {partition, "GPT", guid_text(guid), start, size});
    }
    ByteReader mbr{*signature};
    return in_brackets("HD", {partition, kind == is_mbr ? "MBR" : std::to_string(kind),
                              hex_number(mbr.u32().value_or(0)), start, size});
}

std::string media(const std::uint8_t subtype, ByteReader body) {
    switch (subtype) {
    case 1:
        return hard_disk(body);
    case 2:
        return in_brackets("CDROM", {hex_number(body.u32().value_or(0))});
    case 3:
        return in_brackets("VenMedia", {guid_text(body)});
    case 4:
        return utf8(body.rest());
    case 5:
        return in_brackets("Media", {guid_text(body)});
    case 6:
        return in_brackets("FvFile", {guid_text(body)});
    case 7:
        return in_brackets("Fv", {guid_text(body)});
    case 8: {
        (void)body.u32();
        const std::string start = hex_number(body.u64().value_or(0));
        return in_brackets("Offset", {start, hex_number(body.u64().value_or(0))});
    }
    default:
        return {};
    }
}

std::string node_text(const std::uint8_t type, const std::uint8_t subtype, const BytesView body) {
    std::string text;
    switch (NodeType{type}) {
    case NodeType::hardware:
        text = hardware(subtype, ByteReader{body});
        break;
    case NodeType::acpi:
        text = acpi(subtype, ByteReader{body});
        break;
    case NodeType::messaging:
        text = messaging(subtype, ByteReader{body});
        break;
    case NodeType::media:
        text = media(subtype, ByteReader{body});
        break;
    case NodeType::bios:
    case NodeType::end:
        break;
    }
    return text.empty() ? in_brackets("Path", {std::to_string(type), std::to_string(subtype), to_hex(body)})
                        : text;
}

} // namespace

std::string device_path_text(const BytesView path) {
    constexpr std::uint16_t head_size = 4;
    constexpr std::uint8_t end_of_all = 0xff;
    std::string text;
    char before = '\0';
    ByteReader reader{path};
    while (reader.left() > 0) {
        const auto type = reader.u8();
        const auto subtype = reader.u8();
        const auto length = reader.u16();
        const auto body = length && *length >= head_size ? reader.take(*length - head_size) : std::nullopt;
        if (!type || !subtype || !body) {
            return text + "...";
        }
        if (NodeType{*type} == NodeType::end) {
            if (*subtype == end_of_all) {
                break;
            }
            before = ',';
            continue;
        }
        if (before != '\0') {
            text += before;
        }
        text += node_text(*type, *subtype, *body);
        before = '/';
    }
    return text;
}

} // namespace sealmount
