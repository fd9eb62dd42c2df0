/**
 * OVS's match fields: what each is called, how wide it is, how it is written, what it needs and which protocols can say it.
 *
 * One row a field, words parted by blanks:
 *
 *     name  other-name  bytes  bits  format  needs  access  mask  storage  NXM,OXM  OpenFlow1.0  OpenFlow1.1
 *
 * `bytes` is what a value takes in a message, `bits` how many of them count. `needs`: what the packet must be to have the
 * field. `storage`: where OVS keeps it, with the lowest bit behind a colon; fields of one storage overlap, as `arp_spa` and
 * `ip_src` do. The first NXM or OXM name is the one that actions print. The last two columns say how far OpenFlow 1.0 and 1.1
 * themselves can match the field: exact, by CIDR masks, by any mask, or not at all.
 * Source: include/openvswitch/meta-flow.h of Open vSwitch 3.1, and ovs-fields(7).
 */
export const FIELD_TABLE = `
dp_hash - 4 32 hex - r m dp_hash NXM_NX_DP_HASH,NXOXM_ET_DP_HASH - -
recirc_id - 4 32 dec - r - recirc_id NXM_NX_RECIRC_ID - -
packet_type - 4 32 packet_type - r - packet_type OXM_OF_PACKET_TYPE - -
conj_id - 4 32 dec - r - conj_id NXM_NX_CONJ_ID - -
tun_id tunnel_id 8 64 hex - rw m tun_id NXM_NX_TUN_ID,OXM_OF_TUNNEL_ID - -
tun_src - 4 32 ipv4 - rw m tun_src NXM_NX_TUN_IPV4_SRC - -
tun_dst - 4 32 ipv4 - rw m tun_dst NXM_NX_TUN_IPV4_DST - -
tun_ipv6_src - 16 128 ipv6 - rw m tun_ipv6_src NXM_NX_TUN_IPV6_SRC - -
tun_ipv6_dst - 16 128 ipv6 - rw m tun_ipv6_dst NXM_NX_TUN_IPV6_DST - -
tun_flags - 2 1 tun_flags - rw m tun_flags NXM_NX_TUN_FLAGS - -
tun_ttl - 1 8 dec - r - tun_ttl - - -
tun_tos - 1 8 dec - r - tun_tos - - -
tun_gbp_id - 2 16 dec - rw m tun_gbp_id NXM_NX_TUN_GBP_ID - -
tun_gbp_flags - 1 8 hex - rw m tun_gbp_flags NXM_NX_TUN_GBP_FLAGS - -
tun_erspan_idx - 4 20 hex - rw m tun_erspan_idx NXOXM_ET_ERSPAN_IDX - -
tun_erspan_ver - 1 4 dec - rw m tun_erspan_ver NXOXM_ET_ERSPAN_VER - -
tun_erspan_dir - 1 1 dec - rw m tun_erspan_dir NXOXM_ET_ERSPAN_DIR - -
tun_erspan_hwid - 1 6 hex - rw m tun_erspan_hwid NXOXM_ET_ERSPAN_HWID - -
tun_gtpu_flags - 1 8 hex - r m tun_gtpu_flags NXOXM_ET_GTPU_FLAGS - -
tun_gtpu_msgtype - 1 8 dec - r m tun_gtpu_msgtype NXOXM_ET_GTPU_MSGTYPE - -
metadata - 8 64 hex - rw m metadata OXM_OF_METADATA - mask
in_port - 2 16 port - rw - in_port NXM_OF_IN_PORT exact exact
in_port_oxm - 4 32 port32 - rw - in_port OXM_OF_IN_PORT - exact
actset_output - 4 32 port32 - r - actset_output ONFOXM_ET_ACTSET_OUTPUT,OXM_OF_ACTSET_OUTPUT - -
skb_priority - 4 32 hex - r - skb_priority - - -
pkt_mark - 4 32 hex - rw m pkt_mark NXM_NX_PKT_MARK - -
ct_state - 4 32 ct_state - r m ct_state NXM_NX_CT_STATE - -
ct_zone - 2 16 hex - r - ct_zone NXM_NX_CT_ZONE - -
ct_mark - 4 32 hex - rw m ct_mark NXM_NX_CT_MARK - -
ct_label - 16 128 hex - rw m ct_label NXM_NX_CT_LABEL - -
ct_nw_proto - 1 8 dec ct r - ct_nw_proto NXM_NX_CT_NW_PROTO - -
ct_nw_src - 4 32 ipv4 ct r m ct_nw_src NXM_NX_CT_NW_SRC - -
ct_nw_dst - 4 32 ipv4 ct r m ct_nw_dst NXM_NX_CT_NW_DST - -
ct_ipv6_src - 16 128 ipv6 ct r m ct_ipv6_src NXM_NX_CT_IPV6_SRC - -
ct_ipv6_dst - 16 128 ipv6 ct r m ct_ipv6_dst NXM_NX_CT_IPV6_DST - -
ct_tp_src - 2 16 dec ct r m ct_tp_src NXM_NX_CT_TP_SRC - -
ct_tp_dst - 2 16 dec ct r m ct_tp_dst NXM_NX_CT_TP_DST - -
eth_src dl_src 6 48 mac eth rw m eth_src NXM_OF_ETH_SRC,OXM_OF_ETH_SRC exact mask
eth_dst dl_dst 6 48 mac eth rw m eth_dst NXM_OF_ETH_DST,OXM_OF_ETH_DST exact mask
eth_type dl_type 2 16 hex eth r - eth_type NXM_OF_ETH_TYPE,OXM_OF_ETH_TYPE exact exact
vlan_tci - 2 16 hex eth rw m vlan_tci NXM_OF_VLAN_TCI exact exact
dl_vlan - 2 12 dec eth rw - vlan_tci - exact exact
vlan_vid - 2 12 dec eth rw m vlan_tci OXM_OF_VLAN_VID exact exact
dl_vlan_pcp - 1 3 dec eth rw - vlan_tci:13 - exact exact
vlan_pcp - 1 3 dec vlan rw - vlan_tci:13 OXM_OF_VLAN_PCP exact exact
mpls_label - 4 20 dec mpls rw - mpls_lse:12 OXM_OF_MPLS_LABEL - exact
mpls_tc - 1 3 dec mpls rw - mpls_lse:9 OXM_OF_MPLS_TC - exact
mpls_bos - 1 1 dec mpls r - mpls_lse:8 OXM_OF_MPLS_BOS - -
mpls_ttl - 1 8 dec mpls rw - mpls_lse NXM_NX_MPLS_TTL - -
ip_src nw_src 4 32 ipv4 ip4 rw m nw_src NXM_OF_IP_SRC,OXM_OF_IPV4_SRC cidr mask
ip_dst nw_dst 4 32 ipv4 ip4 rw m nw_dst NXM_OF_IP_DST,OXM_OF_IPV4_DST cidr mask
ipv6_src - 16 128 ipv6 ip6 rw m ipv6_src NXM_NX_IPV6_SRC,OXM_OF_IPV6_SRC - -
ipv6_dst - 16 128 ipv6 ip6 rw m ipv6_dst NXM_NX_IPV6_DST,OXM_OF_IPV6_DST - -
ipv6_label - 4 20 hex ip6 rw m ipv6_label NXM_NX_IPV6_LABEL,OXM_OF_IPV6_FLABEL - -
nw_proto ip_proto 1 8 dec ip r - nw_proto NXM_OF_IP_PROTO,OXM_OF_IP_PROTO exact exact
nw_tos - 1 8 dec ip rw - nw_tos NXM_OF_IP_TOS exact exact
ip_dscp - 1 6 dec ip rw - nw_tos:2 OXM_OF_IP_DSCP exact exact
nw_ecn ip_ecn 1 2 dec ip rw - nw_tos NXM_NX_IP_ECN,OXM_OF_IP_ECN - exact
nw_ttl - 1 8 dec ip rw - nw_ttl NXM_NX_IP_TTL - -
ip_frag nw_frag 1 2 frag ip r m nw_frag NXM_NX_IP_FRAG - -
arp_op - 2 16 dec arp rw - nw_proto NXM_OF_ARP_OP,OXM_OF_ARP_OP exact exact
arp_spa - 4 32 ipv4 arp rw m nw_src NXM_OF_ARP_SPA,OXM_OF_ARP_SPA cidr mask
arp_tpa - 4 32 ipv4 arp rw m nw_dst NXM_OF_ARP_TPA,OXM_OF_ARP_TPA cidr mask
arp_sha - 6 48 mac arp rw m arp_sha NXM_NX_ARP_SHA,OXM_OF_ARP_SHA - -
arp_tha - 6 48 mac arp rw m arp_tha NXM_NX_ARP_THA,OXM_OF_ARP_THA - -
tcp_src tp_src 2 16 dec tcp rw m tp_src NXM_OF_TCP_SRC,OXM_OF_TCP_SRC exact exact
tcp_dst tp_dst 2 16 dec tcp rw m tp_dst NXM_OF_TCP_DST,OXM_OF_TCP_DST exact exact
tcp_flags - 2 12 tcp_flags tcp r m tcp_flags NXM_NX_TCP_FLAGS,ONFOXM_ET_TCP_FLAGS,OXM_OF_TCP_FLAGS - -
udp_src - 2 16 dec udp rw m tp_src NXM_OF_UDP_SRC,OXM_OF_UDP_SRC exact exact
udp_dst - 2 16 dec udp rw m tp_dst NXM_OF_UDP_DST,OXM_OF_UDP_DST exact exact
sctp_src - 2 16 dec sctp rw m tp_src OXM_OF_SCTP_SRC - exact
sctp_dst - 2 16 dec sctp rw m tp_dst OXM_OF_SCTP_DST - exact
icmp_type - 1 8 dec icmp4 rw - tp_src NXM_OF_ICMP_TYPE,OXM_OF_ICMPV4_TYPE exact exact
icmp_code - 1 8 dec icmp4 rw - tp_dst NXM_OF_ICMP_CODE,OXM_OF_ICMPV4_CODE exact exact
icmpv6_type - 1 8 dec icmp6 rw - tp_src NXM_NX_ICMPV6_TYPE,OXM_OF_ICMPV6_TYPE - -
icmpv6_code - 1 8 dec icmp6 rw - tp_dst NXM_NX_ICMPV6_CODE,OXM_OF_ICMPV6_CODE - -
nd_target - 16 128 ipv6 nd rw m nd_target NXM_NX_ND_TARGET,OXM_OF_IPV6_ND_TARGET - -
nd_sll - 6 48 mac ns rw m arp_sha NXM_NX_ND_SLL,OXM_OF_IPV6_ND_SLL - -
nd_tll - 6 48 mac na rw m arp_tha NXM_NX_ND_TLL,OXM_OF_IPV6_ND_TLL - -
nd_reserved - 4 32 dec nd rw - igmp ERICOXM_OF_ICMPV6_ND_RESERVED - -
nd_options_type - 1 8 dec nd rw - tcp_flags ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE - -
nsh_flags - 1 8 dec nsh rw m nsh_flags NXOXM_NSH_FLAGS - -
nsh_mdtype - 1 8 dec nsh r - nsh_mdtype NXOXM_NSH_MDTYPE - -
nsh_np - 1 8 dec nsh r - nsh_np NXOXM_NSH_NP - -
nsh_spi nsp 4 24 hex nsh rw - nsh_spi NXOXM_NSH_SPI - -
nsh_si nsi 1 8 dec nsh rw - nsh_si NXOXM_NSH_SI - -
nsh_ttl - 1 8 dec nsh rw - nsh_ttl NXOXM_NSH_TTL - -
`;
