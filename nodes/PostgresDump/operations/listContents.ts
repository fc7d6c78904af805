import { listForeignDump } from '../../../engine';
import { sourceFields } from '../../shared/descriptions/source';
import type { Operation } from '../../shared/operation';
import { dumpFileField } from '../descriptions/dumpFile';
import { withForeignDump } from '../foreignDump';

const SHOWN = ['listContents'];

/** Lists the objects in a dump, be it ours or made by others: one item for each. */
export const listContents: Operation = {
	description: [
		...sourceFields(SHOWN, {
			storage: 'A file in a folder or an S3 bucket',
			binary: 'A file that another node put out, such as an upload',
		}),
		dumpFileField(SHOWN),
	],
	async execute(context, item) {
		return await withForeignDump(context, item, async (dump) => {
			const { format, wrappers, objects } = await listForeignDump(dump, context.getExecutionCancelSignal());
			return objects.map(({ id, type, database, schema, name, owner, hasData, rows }) => ({
				json: {
					type,
					database: database ?? null,
					schema,
					name,
					owner,
					hasData,
					rows: rows ?? null,
					entry: id,
					file: dump.name,
					format,
					wrappers,
				},
			}));
		});
	},
};
