import type { INodeExecutionData } from 'n8n-workflow';

import {
	chosenBy,
	type ComparedWorkflow,
	compareWorkflows as compareThem,
	describeChoice,
	instanceSide,
	type MatchBy,
} from '../../../engine';
import { collectionOf, yesNoIn } from '../../shared/fields';
import { showWarnings } from '../../shared/hints';
import type { Operation } from '../../shared/operation';
import { isSimplified } from '../../shared/simplify';
import { besideItem, changeItems } from '../changeItem';
import { n8nApi } from '../connection';
import { compareFields } from '../descriptions/compareWorkflows';
import { workflowChoice } from '../workflowChoice';
import { laterBackup, withNamedWorkflows } from '../workflowSource';

/** Compares workflows: an item for each change. */
export const compareWorkflows: Operation = {
	description: compareFields,
	async execute(context, item) {
		const options = collectionOf(context, 'options', item, 'Options');
		const withMoved = yesNoIn(options, 'includeMoved', false, 'Include Moved');
		const withValues = yesNoIn(options, 'includeValues', false, 'Include Values');
		const isSimple = isSimplified(context, item);
		const choice = workflowChoice(context, item);
		return await withNamedWorkflows(context, item, choice, async (named) => {
			const isWithBackup = context.getNodeParameter('compareWith', item) === 'backup';
			const later = isWithBackup ? await laterBackup(context, item, named, choice) : undefined;
			const after = later?.side ?? instanceSide(await n8nApi(context, item, 'source'), chosenBy(choice));
			const isEverything = describeChoice(choice).length === 0;
			const items: INodeExecutionData[] = [];
			const onWorkflow = (compared: ComparedWorkflow) => {
				for (const json of changeItems(compared, { withMoved, withValues, isSimple })) items.push({ json });
			};
			const counts = await compareThem({
				before: named.side,
				after,
				matchBy: context.getNodeParameter('matchBy', item) as MatchBy,
				onWorkflow,
				// Where some workflows are picked, nothing else is meant.
				...(isEverything && {
					onBeside: (change) => void items.push({ json: besideItem(change, { withValues, isSimple }) }),
				}),
				signal: context.getExecutionCancelSignal(),
			});
			const remarks = [named.remark, later?.remark].filter((remark) => remark !== undefined);
			showWarnings(context, [...remarks, ...named.side.warnings, ...after.warnings]);
			const { unchanged, moved } = counts;
			context.logger.info('n8n Export: compared workflows', { ...counts });
			if (items.length === 0) {
				const rest = moved > 0 ? `; in ${moved} more, nodes were only moved` : '';
				const message = `Nothing differs: ${unchanged} workflows are the same${rest}.`;
				context.addExecutionHints({ message, type: 'info', location: 'outputPane' });
			}
			return items;
		});
	},
};
