export { CRC_TABLES } from './crcTables';
export { CHECKSUM_AT, crcOfBytes, pageHash, SEEDS, STAGE_BYTES, staged } from './module';
