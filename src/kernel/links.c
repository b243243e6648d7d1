/* Network interfaces of our network namespace: names by rtnetlink (libnl), permanent hardware addresses by
 * the ethtool ioctl, for the interface's present address can be changed by anyone who configures it. */
#include "kernel/links.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/vlan.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define ADDRESS_MAX 32 /* MAX_ADDR_LEN of linux/netdevice.h */

static void free_socket(struct nl_sock **s)
{
	if (*s)
		nl_socket_free(*s);
}

static void free_cache(struct nl_cache **c)
{
	if (*c)
		nl_cache_free(*c);
}

static bool is_zero(const uint8_t *address, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (address[i] != 0)
			return false;
	return true;
}

static void add_address(struct cg_text *t, const uint8_t *address, size_t len)
{
	if (is_zero(address, len))
		return;
	cg_text_adds(t, "mac:");
	for (size_t i = 0; i < len; i++)
		cg_text_printf(t, "%s%02x", i ? ":" : "", address[i]);
}

/* Adds nothing when the driver knows none. */
static void add_permanent(struct cg_text *t, int socket_fd, const char *name)
{
	union {
		struct ethtool_perm_addr header;
		uint8_t space[sizeof(struct ethtool_perm_addr) + ADDRESS_MAX];
	} a = {.header = {.cmd = ETHTOOL_GPERMADDR, .size = ADDRESS_MAX}};
	struct ifreq request = {0};
	size_t len = strlen(name);

	if (len >= sizeof(request.ifr_name))
		return;
	memcpy(request.ifr_name, name, len);
	request.ifr_data = (char *)&a;
	if (ioctl(socket_fd, SIOCETHTOOL, &request) == 0 && a.header.size <= ADDRESS_MAX)
		add_address(t, a.space + sizeof(a.header), a.header.size);
}

/* Interfaces that are made (bridges, bonds, VLANs) often have the address of one that they are made of: what
 * they are tells them apart. */
static void add_kind(struct cg_text *t, struct rtnl_link *link)
{
	const char *kind = rtnl_link_get_type(link);

	if (t->len == 0 || !kind)
		return;
	cg_text_printf(t, "/%s", kind);
	if (rtnl_link_is_vlan(link))
		cg_text_printf(t, ".%d", rtnl_link_vlan_get_id(link));
}

static int visit(struct rtnl_link *link, int socket_fd, struct cg_text *stable, cg_link_fn *fn, void *context)
{
	const char *name = rtnl_link_get_name(link);
	struct nl_addr *address = rtnl_link_get_addr(link);

	if (!name)
		return 0;
	cg_text_reset(stable);
	cg_text_adds(stable, "");
	add_permanent(stable, socket_fd, name);
	if (stable->len == 0 && address)
		add_address(stable, nl_addr_get_binary_addr(address), nl_addr_get_len(address));
	add_kind(stable, link);
	if (stable->failed)
		return -ENOMEM;
	return fn(context, name, stable->len ? stable->data : "");
}

int cg_links_each(cg_link_fn *fn, void *context, struct cg_error **err)
{
	__attribute__((cleanup(free_socket))) struct nl_sock *s = nl_socket_alloc();
	__attribute__((cleanup(free_cache))) struct nl_cache *cache = NULL;
	_cleanup_close_ int socket_fd = -1;
	_cleanup_text_ struct cg_text stable = {0};
	int r;

	if (!s)
		return cg_error_oom(err);
	r = nl_connect(s, NETLINK_ROUTE);
	if (r == 0)
		r = rtnl_link_alloc_cache(s, AF_UNSPEC, &cache);
	if (r < 0)
		return cg_error_make(
			err, CG_FAULT_SYSTEM, EIO, "cannot list the network interfaces: %s", nl_geterror(r));
	socket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (socket_fd < 0)
		return cg_error_errno(err, errno, "cannot make a socket to ask for hardware addresses");
	for (struct nl_object *o = nl_cache_get_first(cache); o; o = nl_cache_get_next(o)) {
		/* The cache holds objects of this one kind only. */
		r = visit((struct rtnl_link *)(void *)o, socket_fd, &stable, fn, context);
		if (r == -ENOMEM)
			return cg_error_oom(err);
		if (r != 0)
			return r;
	}
	return 0;
}
