export {
	assertSlotName,
	commandLiteral,
	createPhysicalSlot,
	dropSlot,
	identifySystem,
	type IdentifiedSystem,
	type PhysicalSlot,
	readSlot,
	showBytes,
	showSetting,
	timelineHistory,
	type TimelineHistory,
} from './commands';
export { CopyBoth } from './copyBoth';
export { translateWalSenderError } from './errors';
export { type ReplicationRow, textIn, textOf } from './rows';
export { type AnswerEvent, WalSender, type WalSenderOptions, withWalSender } from './walSender';
