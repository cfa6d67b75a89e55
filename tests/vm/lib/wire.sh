#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# The TPM's wire: swtpm logs every command byte for byte, so that what an unlock costs can be counted and not estimated.

# TPM 2.0 Library, Part 2, table "TPM_CC constants": those that anything in the lab sends.
TPM_COMMANDS='00000120 EvictControl
00000121 HierarchyControl
00000122 NV_UndefineSpace
00000126 Clear
00000129 HierarchyChangeAuth
0000012a NV_DefineSpace
0000012b PCR_Allocate
00000131 CreatePrimary
00000137 NV_Write
00000139 DictionaryAttackLockReset
0000013b NV_Increment
0000013c PCR_Event
0000013d PCR_Reset
00000142 IncrementalSelfTest
00000143 SelfTest
00000144 Startup
00000145 Shutdown
00000146 StirRandom
00000147 ActivateCredential
00000149 PolicyNV
0000014e NV_Read
00000150 ObjectChangeAuth
00000151 PolicySecret
00000153 Create
00000154 ECDH_ZGen
00000157 Load
0000015e Unseal
00000160 PolicySigned
00000161 ContextLoad
00000162 ContextSave
00000163 ECDH_KeyGen
00000165 FlushContext
00000167 LoadExternal
00000169 NV_ReadPublic
0000016a PolicyAuthorize
0000016b PolicyAuthValue
0000016c PolicyCommandCode
0000016d PolicyCounterTimer
00000171 PolicyOR
00000173 ReadPublic
00000176 StartAuthSession
00000177 VerifySignature
0000017a GetCapability
0000017b GetRandom
0000017c GetTestResult
0000017d Hash
0000017e PCR_Read
0000017f PolicyPCR
00000180 PolicyRestart
00000181 ReadClock
00000182 PCR_Extend
00000185 EventSequenceComplete
00000186 HashSequenceStart
00000189 PolicyGetDigest
0000018a TestParms
0000018c PolicyPassword
0000018f PolicyNvWritten
00000191 CreateLoaded
00000192 PolicyAuthorizeNV
00000193 EncryptDecrypt2'

# wire_commands LOG [MARK]: the names of the commands in the order in which they came; with MARK only those after the
# MARKth `wire_mark` of the guest and before the next (0: before the first).
wire_commands() {
    awk -v mark="${2:-all}" -v names="$TPM_COMMANDS" '
        BEGIN {
            n = split(names, line, "\n")
            for (i = 1; i <= n; i++) { split(line[i], word, " "); name[word[1]] = word[2] }
        }
        function ended(   code) {
            if (bytes == "") return
            code = tolower(substr(bytes, 13, 8))
            if (code == "0000017c" && length(bytes) == 20) marks++
            else if (mark == "all" || mark == marks + 0) print (code in name) ? name[code] : "0x" code
            bytes = ""
        }
        /SWTPM_IO_Read: length/ { ended(); reading = 1; next }
        reading && /^[[:space:]]*([0-9A-Fa-f][0-9A-Fa-f][[:space:]]+)+$/ { gsub(/[[:space:]]/, ""); bytes = bytes $0; next }
        { ended(); reading = 0 }
        END { ended() }' "$1"
}

# wire_count LOG [MARK]: how many.
wire_count() { wire_commands "$@" | wc -l; }

# wire_more LOG BASE: "NUMBER COMMAND" for each command that LOG has more often than BASE, a boot of the same kind without
# what is being measured. So the commands of firmware, kernel and lab cancel out.
wire_more() {
    awk 'FILENAME == ARGV[1] { base[$0]++; next } { seen[$0]++ }
        END { for (c in seen) if (seen[c] > base[c]) print seen[c] - base[c], c }' \
        <(wire_commands "$2") <(wire_commands "$1") | sort -k2
}

# wire_more_count LOG BASE: the sum of wire_more.
wire_more_count() { wire_more "$@" | awk '{ n += $1 } END { print n + 0 }'; }
