/*
 * Process 1 of a guest whose whole kernel is hostile. It answers its monitor as an honest guest does, so that there are exports, and then
 * tries, with ports, device memory and virtio devices in its own hands, to reach what is not its pod's. Each line on the console that
 * begins with "intruder: reached" is an escape. VmPodIntruder.cs has its pod.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, DEVICES = 32, STRIDE = 0x1000, QUEUE = 8, RING_USED = 2048, OWN_CID = 3, CONTROL_PORT = 1024 };
static const uint64_t VIRTIO = 0xD0000000;

static void say(const char *what)
{
	printf("intruder: %s\n", what);
	fflush(stdout);
}

static void reached(const char *what, const char *how, uint64_t number, long long result)
{
	printf("intruder: reached %s %s %llu: %lld\n", what, how, (unsigned long long)number, result);
	fflush(stdout);
}

static void fail(const char *what)
{
	printf("intruder: cannot %s: %s\n", what, strerror(errno));
	fflush(stdout);
}

/* ---- The honest part: kernel modules, and the protocol of api/sandbox/sandbox.proto as far as a pod without processes needs it. ---- */

static void load_modules(void)
{
	char path[256];
	FILE *list = fopen("/modules/order.txt", "re");
	while (list && fgets(path, sizeof path, list)) {
		path[strcspn(path, "\n")] = 0;
		int file = open(path, O_RDONLY | O_CLOEXEC);
		if (file < 0 || syscall(SYS_finit_module, file, "", 0) != 0)
			fail(path);
		close(file);
	}
	if (list)
		fclose(list);
}

static int read_all(int socket, uint8_t *bytes, size_t length)
{
	for (ssize_t count; length > 0; bytes += count, length -= count)
		if ((count = read(socket, bytes, length)) <= 0)
			return -1;
	return 0;
}

static void answer(int socket, uint32_t stream, const uint8_t *response, uint32_t length)
{
	uint8_t frame[10 + 16] = { 0, 0, 0, (uint8_t)length, stream >> 24, stream >> 16, stream >> 8, stream, 2, 0 };
	memcpy(frame + 10, response, length);
	if (write(socket, frame, 10 + length) < 0)
		fail("answer");
}

/* Tells its parent, by the pipe, of the first container; the container of that name is never made. */
static void serve(int told)
{
	static uint8_t payload[4 << 20];
	static const uint8_t version[] = { 0x12, 2, 8, 1 };
	struct sockaddr_vm address = { .svm_family = AF_VSOCK, .svm_port = CONTROL_PORT, .svm_cid = VMADDR_CID_ANY };
	int listener = socket(AF_VSOCK, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 8) != 0)
		fail("listen");
	for (;;) {
		uint8_t header[25], taken = 0;
		int client = accept(listener, NULL, NULL);
		if (read_all(client, header, 25) != 0 || write(client, &taken, 1) != 1)
			continue;
		while (read_all(client, header, 10) == 0) {
			uint32_t length = header[1] << 16 | header[2] << 8 | header[3];
			uint32_t stream = (uint32_t)header[4] << 24 | header[5] << 16 | header[6] << 8 | header[7];
			if (read_all(client, payload, length) != 0)
				break;
			int is_hello = memmem(payload, length, "\x12\x05Hello", 7) != NULL;
			if (memmem(payload, length, "\x12\x06" "Events", 8) != NULL)
				continue;
			/* Answers that nobody has asked for, before and after the one that was: to calls that are over, and to those to come. */
			answer(client, 0x7fffffff, version, sizeof version);
			answer(client, stream, version, is_hello ? sizeof version : 0);
			answer(client, stream, version, sizeof version);
			if (memmem(payload, length, "\x12\x0f" "CreateContainer", 17) != NULL && write(told, "!", 1) != 1)
				fail("tell");
			if (memmem(payload, length, "\x12\x08Shutdown", 10) != NULL)
				reboot(RB_POWER_OFF);
		}
	}
}

/* ---- Ports of x86, sockets, and addresses where no memory is. ---- */

static void try_ports(void)
{
	if (iopl(3) != 0) {
		fail("use ports");
		return;
	}
	for (unsigned port = 0; port <= 0xffff; port += port < 0x1000 ? 1 : 61) {
		/* The interrupt controllers, the console, reset and power are the machine's own. */
		if (port <= 0xff || (port >= 0x3f8 && port < 0x400) || (port >= 0x4d0 && port < 0x4d2) || (port >= 0x600 && port < 0x604) || (port >= 0xcf8 && port < 0xd00))
			continue;
		outb(0xff, port);
		if (inb(port) != 0xff && inb(port) != 0)
			reached("port", "byte", port, inb(port));
		if (port % 4 == 0 && port < 0xfffc) {
			outl(0xffffffff, port);
			if (inl(port) != 0xffffffff && inl(port) != 0)
				reached("port", "word", port, inl(port));
		}
	}
	say("ports tried");
}

static void try_sockets(void)
{
	static const unsigned cids[] = { VMADDR_CID_HYPERVISOR, VMADDR_CID_HOST, 4, 5, 100, 0xfffffffe };
	struct timeval patience = { .tv_usec = 50000 };
	for (size_t i = 0; i < sizeof cids / sizeof *cids; i++)
		for (unsigned port = 0; port <= 2048; port += cids[i] != VMADDR_CID_HOST || port > 128 ? 64 : 1) {
			struct sockaddr_vm address = { .svm_family = AF_VSOCK, .svm_port = port, .svm_cid = cids[i] };
			int client = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
			setsockopt(client, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &patience, sizeof patience);
			if (connect(client, (struct sockaddr *)&address, sizeof address) == 0)
				reached("socket", "port", (uint64_t)cids[i] << 32 | port, 0);
			close(client);
		}
	say("sockets tried");
}

/* The virtio devices but the sockets' become nobody's, so that their registers can be mapped. */
static void release_devices(void)
{
	char path[600];
	for (int i = 0; i < DEVICES; i++) {
		snprintf(path, sizeof path, "/sys/bus/platform/devices/LNRO0005:%02x", i);
		DIR *device = opendir(path);
		int is_socket = 0;
		for (struct dirent *entry; device && (entry = readdir(device)) != NULL;)
			if (strncmp(entry->d_name, "virtio", 6) == 0) {
				char id[16] = "";
				snprintf(path, sizeof path, "/sys/bus/platform/devices/LNRO0005:%02x/%s/device", i, entry->d_name);
				int file = open(path, O_RDONLY | O_CLOEXEC);
				is_socket = file >= 0 && read(file, id, sizeof id - 1) > 0 && strtoul(id, NULL, 16) == 19;
				close(file);
			}
		if (!device)
			continue;
		closedir(device);
		int unbind = open("/sys/bus/platform/drivers/virtio-mmio/unbind", O_WRONLY | O_CLOEXEC);
		snprintf(path, sizeof path, "LNRO0005:%02x", i);
		if (!is_socket && write(unbind, path, strlen(path)) < 0)
			fail("unbind");
		close(unbind);
	}
}

static volatile uint8_t *map_device(uint64_t address)
{
	int memory = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	void *mapped = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, address);
	close(memory);
	return mapped == MAP_FAILED ? NULL : mapped;
}

static void try_addresses(void)
{
	int mapped = 0;
	for (uint64_t address = 0xC0000000; address < 0x200000000; address += address >= 0xD0000000 && address < 0xD0040000 ? STRIDE : 0x1f3f000) {
		if (address > 0xD0000000 + DEVICES * STRIDE && address < 0xD0100000)
			address = 0xD0100000;
		/* Interrupt controllers. */
		if (address >= 0xFEC00000 && address < 0xFEF00000)
			continue;
		volatile uint8_t *page = map_device(address);
		if (!page)
			continue;
		mapped++;
		int is_device = address >= VIRTIO && address < VIRTIO + DEVICES * STRIDE;
		for (int offset = 0x100; offset < PAGE; offset += is_device && offset < 0x210 ? 4 : 0x3f0) {
			*(volatile uint32_t *)(page + offset) = 0xffffffff;
			*(volatile uint8_t *)(page + offset + 1) = 0xff;
			*(volatile uint64_t *)(page + (offset & ~7)) = ~0ull;
			uint32_t value = *(volatile uint32_t *)(page + offset);
			if (offset >= 0x200 && value != 0 && value != 0xffffffff)
				reached("address", "word", address + offset, value);
		}
		munmap((void *)page, PAGE);
	}
	printf("intruder: addresses tried %s\n", mapped > 20 ? "many" : "few");
}

/* ---- A virtio device without a driver of the kernel's (virtio 1.2, 2.7 and 4.2). ---- */

struct device {
	volatile uint8_t *registers;
	uint8_t *ring, *out, *in;
	uint64_t ring_at, out_at, in_at;
	int queue;
	uint16_t sent;
};

static uint64_t physical(void *page)
{
	uint64_t entry = 0;
	int map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (pread(map, &entry, sizeof entry, (uintptr_t)page / PAGE * 8) != sizeof entry || !(entry >> 63))
		fail("find a page");
	close(map);
	return (entry & ((1ull << 55) - 1)) * PAGE;
}

static uint8_t *page(uint64_t *at)
{
	uint8_t *mapped = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
	memset(mapped, 0, PAGE);
	*at = physical(mapped);
	return mapped;
}

static uint32_t get(struct device *device, int at)
{
	return *(volatile uint32_t *)(device->registers + at);
}

static void put(struct device *device, int at, uint32_t value)
{
	*(volatile uint32_t *)(device->registers + at) = value;
}

static void put_queue(struct device *device, int queue, uint32_t size, uint64_t descriptors, uint64_t available, uint64_t used)
{
	put(device, VIRTIO_MMIO_QUEUE_SEL, queue);
	put(device, VIRTIO_MMIO_QUEUE_NUM, size);
	put(device, VIRTIO_MMIO_QUEUE_DESC_LOW, descriptors);
	put(device, VIRTIO_MMIO_QUEUE_DESC_HIGH, descriptors >> 32);
	put(device, VIRTIO_MMIO_QUEUE_AVAIL_LOW, available);
	put(device, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, available >> 32);
	put(device, VIRTIO_MMIO_QUEUE_USED_LOW, used);
	put(device, VIRTIO_MMIO_QUEUE_USED_HIGH, used >> 32);
	put(device, VIRTIO_MMIO_QUEUE_READY, 1);
}

/* From reset to FEATURES_OK, with VIRTIO_F_VERSION_1 alone. */
static void negotiate(struct device *device)
{
	put(device, VIRTIO_MMIO_STATUS, 0);
	put(device, VIRTIO_MMIO_STATUS, 3);
	put(device, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	put(device, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	put(device, VIRTIO_MMIO_STATUS, 11);
}

/* The queue that is used gets the driver's pages; those before it, pages of their own. */
static void begin(struct device *device, int queue)
{
	uint64_t other;
	negotiate(device);
	for (int i = 0; i < queue; i++) {
		page(&other);
		put_queue(device, i, QUEUE, other, other + 1024, other + RING_USED);
	}
	device->queue = queue;
	device->sent = 0;
	memset(device->ring, 0, PAGE);
	put_queue(device, queue, QUEUE, device->ring_at, device->ring_at + 1024, device->ring_at + RING_USED);
	put(device, VIRTIO_MMIO_STATUS, 15);
}

/* One chain: what is read, and room for the answer. Returns its length, or -1 when there is none within so many tenths of a millisecond. */
static int transfer(struct device *device, uint64_t out_at, uint32_t out, uint64_t in_at, uint32_t in, int patience)
{
	struct vring_desc *descriptors = (void *)device->ring;
	uint16_t *available = (void *)(device->ring + 1024);
	volatile uint16_t *used = (void *)(device->ring + RING_USED);
	descriptors[0] = (struct vring_desc){ .addr = out_at, .len = out, .flags = VRING_DESC_F_NEXT, .next = 1 };
	descriptors[1] = (struct vring_desc){ .addr = in_at, .len = in, .flags = VRING_DESC_F_WRITE };
	available[2 + device->sent % QUEUE] = 0;
	__sync_synchronize();
	available[1] = ++device->sent;
	__sync_synchronize();
	put(device, VIRTIO_MMIO_QUEUE_NOTIFY, device->queue);
	for (int i = 0; i < patience; i++) {
		if (used[1] == device->sent)
			return ((volatile struct vring_used_elem *)(used + 2))[(device->sent - 1) % QUEUE].len;
		if (get(device, VIRTIO_MMIO_STATUS) & 0x40)
			return -1;
		usleep(100);
	}
	return -1;
}

/* Queues and buffers where no memory is: the device asks to be reset, and nothing else happens. */
static void try_queues(struct device *device, int queue)
{
	static const uint64_t nowhere[] = { 0xC0000000, 0xFFFFF000, 0xFFFFFFFFFFFFF000, 0x100000000000, 0xD0000000, 1ull << 63 };
	for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
		negotiate(device);
		put_queue(device, queue, QUEUE, nowhere[i], nowhere[i], nowhere[i]);
		put(device, VIRTIO_MMIO_STATUS, 15);
		if (!(get(device, VIRTIO_MMIO_STATUS) & 0x40))
			reached("queue", "address", nowhere[i], get(device, VIRTIO_MMIO_DEVICE_ID));
		begin(device, queue);
		if (transfer(device, nowhere[i], 64, nowhere[i], 4096, 200) > 0)
			reached("buffer", "address", nowhere[i], get(device, VIRTIO_MMIO_DEVICE_ID));
	}
	put(device, VIRTIO_MMIO_STATUS, 0);
}

/* ---- FUSE, as nobody's driver would speak it. ---- */

static struct device files;

/* Returns 0 or a negative error; the answer's body is behind its header in files.in. */
static int fuse(uint32_t opcode, uint64_t node, const void *arguments, size_t length, const char *name, const char *second)
{
	static uint64_t unique;
	struct fuse_in_header header = { .opcode = opcode, .unique = ++unique, .nodeid = node };
	uint8_t *at = files.out + sizeof header;
	at = (uint8_t *)mempcpy(at, arguments, length);
	at = name ? (uint8_t *)mempcpy(at, name, strlen(name) + 1) : at;
	at = second ? (uint8_t *)mempcpy(at, second, strlen(second) + 1) : at;
	header.len = at - files.out;
	memcpy(files.out, &header, sizeof header);
	if (transfer(&files, files.out_at, header.len, files.in_at, PAGE, 50000) < (int)sizeof(struct fuse_out_header)) {
		reached("no answer", "opcode", opcode, node);
		begin(&files, 1);
		return -EIO;
	}
	return ((struct fuse_out_header *)files.in)->error;
}

static const void *body(void)
{
	return files.in + sizeof(struct fuse_out_header);
}

static uint64_t lookup(uint64_t parent, const char *name)
{
	return fuse(FUSE_LOOKUP, parent, NULL, 0, name, NULL) == 0 ? ((const struct fuse_entry_out *)body())->nodeid : 0;
}

static void refuse(const char *what, uint64_t node, int error)
{
	if (error == 0)
		reached("fuse", what, node, error);
}

static int open_node(uint64_t node, uint32_t flags, uint64_t *handle)
{
	struct fuse_open_in open = { .flags = flags };
	int error = fuse(FUSE_OPEN, node, &open, sizeof open, NULL, NULL);
	*handle = error == 0 ? ((const struct fuse_open_out *)body())->fh : 0;
	return error;
}

static int read_handle(uint32_t opcode, uint64_t node, uint64_t handle)
{
	struct fuse_read_in read = { .fh = handle, .size = 512 };
	return fuse(opcode, node, &read, sizeof read, NULL, NULL);
}

/* Names that are no entries, in the root of all exports and in one. */
static void try_names(uint64_t parent)
{
	static const char *names[] = { "..", ".", "", "/", "../beside", "../..", "own/../..", "/etc/passwd", "../../../../../../etc/passwd", "../guarded/secret" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct fuse_create_in create = { .flags = O_RDWR | O_CREAT, .mode = S_IFREG | 0666 };
		struct fuse_mkdir_in directory = { .mode = 0777 };
		struct fuse_mknod_in node = { .mode = S_IFREG | 0666 };
		refuse(names[i], parent, fuse(FUSE_LOOKUP, parent, NULL, 0, names[i], NULL));
		refuse(names[i], parent, fuse(FUSE_CREATE, parent, &create, sizeof create, names[i], NULL));
		refuse(names[i], parent, fuse(FUSE_MKDIR, parent, &directory, sizeof directory, names[i], NULL));
		refuse(names[i], parent, fuse(FUSE_MKNOD, parent, &node, sizeof node, names[i], NULL));
		refuse(names[i], parent, fuse(FUSE_UNLINK, parent, NULL, 0, names[i], NULL));
		refuse(names[i], parent, fuse(FUSE_RMDIR, parent, NULL, 0, names[i], NULL));
	}
}

/* Nodes and handles that nobody has given out. */
static void try_numbers(uint64_t last)
{
	for (uint64_t i = 0; i < 300; i++) {
		uint64_t node = i < 260 ? last + 1 + i : i < 280 ? ~0ull - (i - 260) : 1ull << (i - 280 + 32);
		struct fuse_getattr_in attributes = { 0 };
		refuse("node", node, fuse(FUSE_GETATTR, node, &attributes, sizeof attributes, NULL, NULL));
		refuse("node's entry", node, fuse(FUSE_LOOKUP, node, NULL, 0, "etc", NULL));
		refuse("handle", i, read_handle(FUSE_READ, last, 1000 + node));
		refuse("handle of a directory", i, read_handle(FUSE_READDIR, last, 1000 + node));
	}
}

/* A file that is another export's, and one that may only be read. */
static void try_exports(uint64_t writable, uint64_t guarded)
{
	uint64_t handle, secret = lookup(guarded, "secret");
	struct fuse_link_in link = { .oldnodeid = secret };
	struct fuse_rename2_in rename = { .newdir = writable };
	struct fuse_setattr_in mode = { .valid = FATTR_MODE | FATTR_SIZE, .mode = 0777 };
	struct fuse_create_in create = { .flags = O_RDWR | O_CREAT, .mode = S_IFREG | 0666 };
	refuse("link to another export", secret, fuse(FUSE_LINK, writable, &link, sizeof link, "linked", NULL));
	refuse("rename to another export", guarded, fuse(FUSE_RENAME2, guarded, &rename, sizeof rename, "secret", "moved"));
	rename.newdir = 1;
	refuse("rename to the root", writable, fuse(FUSE_RENAME2, writable, &rename, sizeof rename, "own", "own"));
	refuse("change of what is read-only", secret, fuse(FUSE_SETATTR, secret, &mode, sizeof mode, NULL, NULL));
	refuse("new file in what is read-only", guarded, fuse(FUSE_CREATE, guarded, &create, sizeof create, "new", NULL));
	refuse("removal from what is read-only", guarded, fuse(FUSE_UNLINK, guarded, NULL, 0, "secret", NULL));
	refuse("writing to what is read-only", secret, open_node(secret, O_RDWR, &handle));
	struct fuse_write_in write = { .fh = handle, .size = 4 };
	if (open_node(secret, O_RDONLY, &handle) == 0) {
		write.fh = handle;
		refuse("writing by a handle for reading", secret, fuse(FUSE_WRITE, secret, &write, sizeof write, "bad", NULL));
	}
}

/* Links and devices that the guest itself has made: the server must neither follow nor open them. */
static void try_own_entries(uint64_t writable)
{
	static const char *targets[] = { "/", "/etc", "../beside", "/proc/1/root", "/proc/self/fd", "/dev/mem" };
	uint64_t handle;
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		char name[] = { 'l', (char)('0' + i), 0 };
		fuse(FUSE_SYMLINK, writable, NULL, 0, name, targets[i]);
		uint64_t node = lookup(writable, name);
		if (node == 0) {
			fail("make a link");
			continue;
		}
		refuse("open of a link", node, open_node(node, O_RDONLY, &handle));
		refuse("list of a link", node, fuse(FUSE_OPENDIR, node, &(struct fuse_open_in){ 0 }, sizeof(struct fuse_open_in), NULL, NULL));
		refuse("entry of a link", node, fuse(FUSE_LOOKUP, node, NULL, 0, "passwd", NULL));
		refuse("path through a link", node, fuse(FUSE_LOOKUP, writable, NULL, 0, "l0/etc/passwd", NULL));
	}
	static const struct { const char *name; uint32_t mode, device; } made[] = {
		{ "d0", S_IFBLK | 0666, 8 << 8 }, { "d1", S_IFCHR | 0666, 1 << 8 | 1 }, { "d2", S_IFCHR | 0666, 10 << 8 | 232 }, { "d3", S_IFIFO | 0666, 0 },
	};
	for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
		struct fuse_mknod_in node = { .mode = made[i].mode, .rdev = made[i].device };
		fuse(FUSE_MKNOD, writable, &node, sizeof node, made[i].name, NULL);
		uint64_t entry = lookup(writable, made[i].name);
		if (entry != 0)
			refuse("open of a device", entry, open_node(entry, O_RDWR | O_NONBLOCK, &handle));
	}
}

static void try_files(void)
{
	struct fuse_init_in init = { .major = 7, .minor = 38, .flags = ~0u };
	begin(&files, 1);
	if (fuse(FUSE_INIT, 0, &init, sizeof init, NULL, NULL) != 0)
		say("no session");
	if (fuse(FUSE_OPENDIR, 1, &(struct fuse_open_in){ 0 }, sizeof(struct fuse_open_in), NULL, NULL) != 0 ||
		read_handle(FUSE_READDIR, 1, ((const struct fuse_open_out *)body())->fh) != 0) {
		say("no exports");
		return;
	}
	/* Which of them is which, their files say. */
	uint8_t listed[PAGE];
	memcpy(listed, files.in, PAGE);
	uint64_t writable = 0, guarded = 0, last = 1, handle;
	int exports = 0;
	for (uint32_t at = sizeof(struct fuse_out_header); at + FUSE_NAME_OFFSET < ((struct fuse_out_header *)listed)->len;) {
		struct fuse_dirent *entry = (void *)(listed + at);
		char name[256] = "";
		memcpy(name, entry->name, entry->namelen < 255 ? entry->namelen : 255);
		at += FUSE_DIRENT_SIZE(entry);
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		exports++;
		uint64_t node = lookup(1, name);
		writable = lookup(node, "own") != 0 ? node : writable;
		guarded = lookup(node, "secret") != 0 ? node : guarded;
		last = node > last ? node : last;
	}
	uint64_t own = lookup(writable, "own");
	if (open_node(own, O_RDONLY, &handle) == 0 && read_handle(FUSE_READ, own, handle) == 0)
		printf("intruder: %d exports, and its own file says %.4s\n", exports, (const char *)body());
	uint64_t secret = lookup(guarded, "secret");
	last = own > last ? own : last;
	last = secret > last ? secret : last;
	try_names(1);
	try_names(writable);
	try_exports(writable, guarded);
	try_own_entries(writable);
	/* What those made has numbers too. */
	try_numbers(last + 64);
	say("files tried");
}

static void intrude(void)
{
	try_sockets();
	try_ports();
	release_devices();
	try_addresses();
	for (int i = 0; i < DEVICES; i++) {
		struct device device = { .registers = map_device(VIRTIO + i * STRIDE) };
		if (!device.registers || get(&device, VIRTIO_MMIO_MAGIC_VALUE) != 0x74726976 || get(&device, VIRTIO_MMIO_DEVICE_ID) == 19)
			continue;
		device.ring = page(&device.ring_at);
		device.out = page(&device.out_at);
		device.in = page(&device.in_at);
		printf("intruder: device %u\n", get(&device, VIRTIO_MMIO_DEVICE_ID));
		if (get(&device, VIRTIO_MMIO_DEVICE_ID) == 26)
			files = device;
		try_queues(&device, 0);
	}
	if (files.registers)
		try_files();
	say("done");
}

int main(void)
{
	int told[2];
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	load_modules();
	if (pipe2(told, O_CLOEXEC) != 0)
		fail("make a pipe");
	if (fork() == 0)
		serve(told[1]);
	char byte;
	if (read(told[0], &byte, 1) == 1)
		intrude();
	for (;;)
		wait(NULL) < 0 ? (void)pause() : (void)0;
}
