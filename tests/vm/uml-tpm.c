// SPDX-License-Identifier: GPL-2.0-only
/*
 * The TPM of the lab's user-mode Linux: a driver that hands each command to the swtpm on the host, through the socket that the
 * kernel argument tpm_uml.socket= names. Without that argument the machine has no TPM.
 * Copyright (C) the sealmount authors
 */
#include <linux/module.h>
#include <linux/platform_device.h>
#include <os.h>
#include "tpm.h"

static char *socket;
module_param(socket, charp, 0);

static int connection = -1;

/* The host's calls are interrupted by the timer. */
static int read_all(u8 *to, size_t count)
{
	while (count) {
		int n = os_read_file(connection, to, count);

		if (n == -EINTR || n == -EAGAIN)
			continue;
		if (n <= 0)
			return -EIO;
		to += n;
		count -= n;
	}
	return 0;
}

static int write_all(const u8 *from, size_t count)
{
	while (count) {
		int n = os_write_file(connection, from, count);

		if (n == -EINTR || n == -EAGAIN)
			continue;
		if (n <= 0)
			return -EIO;
		from += n;
		count -= n;
	}
	return 0;
}

static int tpm_uml_send(struct tpm_chip *chip, u8 *command, size_t count)
{
	return write_all(command, count);
}

static int tpm_uml_recv(struct tpm_chip *chip, u8 *answer, size_t room)
{
	struct tpm_header *header = (struct tpm_header *)answer;
	size_t length;

	if (room < TPM_HEADER_SIZE || read_all(answer, TPM_HEADER_SIZE))
		return -EIO;
	length = be32_to_cpu(header->length);
	if (length < TPM_HEADER_SIZE || length > room || read_all(answer + TPM_HEADER_SIZE, length - TPM_HEADER_SIZE))
		return -EIO;
	return length;
}

static u8 tpm_uml_status(struct tpm_chip *chip)
{
	return 0;
}

static bool tpm_uml_canceled(struct tpm_chip *chip, u8 status)
{
	return false;
}

static void tpm_uml_cancel(struct tpm_chip *chip)
{
}

/* The answer is there when recv() asks for it: no status is waited for. */
static const struct tpm_class_ops tpm_uml_ops = {
	.flags = TPM_OPS_AUTO_STARTUP,
	.send = tpm_uml_send,
	.recv = tpm_uml_recv,
	.status = tpm_uml_status,
	.cancel = tpm_uml_cancel,
	.req_canceled = tpm_uml_canceled,
};

static int __init transmit(u8 *command, size_t count)
{
	static u8 answer[TPM_BUFSIZE] __initdata;

	if (tpm_uml_send(NULL, command, count) || tpm_uml_recv(NULL, answer, sizeof(answer)) < 0)
		return -EIO;
	return be32_to_cpu(((struct tpm_header *)answer)->return_code) ? -EIO : 0;
}

/* What firmware does: it starts the TPM, and ends its part of PCR 0 to 7 with a separator, the same as SeaBIOS'. */
static int __init firmware(void)
{
	/* TPM2_Startup(TPM_SU_CLEAR) */
	static u8 startup[] __initdata = { 0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x44, 0, 0 };
	/* TPM2_PCR_Event with an empty password and four bytes, which extends every bank */
	static u8 separator[] __initdata = { 0x80, 2, 0, 0, 0, 33, 0, 0, 1, 0x3c, 0, 0, 0, 0, 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0,
					     0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff };
	int rc = transmit(startup, sizeof(startup));
	u8 *pcr = &separator[13];

	for (*pcr = 0; !rc && *pcr < 8; ++*pcr)
		rc = transmit(separator, sizeof(separator));
	return rc;
}

static int __init tpm_uml_init(void)
{
	struct platform_device *device;
	struct tpm_chip *chip;
	int rc;

	if (!socket)
		return -ENODEV;
	connection = os_connect_socket(socket);
	if (connection < 0)
		return connection;
	rc = firmware();
	if (rc)
		return rc;
	device = platform_device_register_simple("tpm_uml", -1, NULL, 0);
	if (IS_ERR(device))
		return PTR_ERR(device);
	chip = tpmm_chip_alloc(&device->dev, &tpm_uml_ops);
	if (IS_ERR(chip))
		return PTR_ERR(chip);
	chip->flags |= TPM_CHIP_FLAG_TPM2;
	return tpm_chip_register(chip);
}
device_initcall(tpm_uml_init);
MODULE_LICENSE("GPL");
