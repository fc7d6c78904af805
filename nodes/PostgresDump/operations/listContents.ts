import { listForeignDump } from '../../../engine';
import { simplifyField } from '../../shared/descriptions/simplify';
import { sourceFields } from '../../shared/descriptions/source';
import { type Operation, shownFor } from '../../shared/operation';
import { isSimplified, itemOf } from '../../shared/simplify';
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
		simplifyField(shownFor(SHOWN)),
	],
	async execute(context, item) {
		const isSimple = isSimplified(context, item);
		return await withForeignDump(context, item, async (dump) => {
			const { format, wrappers, objects } = await listForeignDump(dump, context.getExecutionCancelSignal());
			return objects.map(({ id, type, database = null, schema, name, owner, hasData, rows = null }) => {
				const columns = { type, schema, name, rows, hasData, owner, database, entry: id, file: dump.name, format };
				return { json: itemOf(columns, { ...columns, wrappers }, isSimple) };
			});
		});
	},
};
