import type { INodeProperties } from 'n8n-workflow';

import { fileField } from '../../shared/descriptions/source';
import { shownFor } from '../../shared/operation';

/** A dump in the storage, whoever made it. */
export function dumpFileField(operations: string[]): INodeProperties {
	return fileField(
		'dumpFile',
		'A plain script of pg_dump or pg_dumpall (.sql), or its custom format (-Fc); as it is, or compressed by gzip or zstd, or encrypted by gpg. The content decides, not the name.',
		'e.g. uploads/shop.dump',
		shownFor(operations, { source: ['storage'] }),
	);
}
