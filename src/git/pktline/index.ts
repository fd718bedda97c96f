export { ProtocolError, printable, quoteLine } from './error.js';
export { DELIM, errPacket, FLUSH, MAX_PACKET, MAX_PAYLOAD, packetHeader, pktLine, RESPONSE_END } from './packet.js';
export { chomp, type Packet, PktLineReader, readPackets } from './reader.js';
export { CHANNEL, type Channel, SIDEBAND_64K, SIDEBAND_SMALL, sideband, sidebandText } from './sideband.js';
