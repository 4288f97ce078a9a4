/** Verbs name an expiry by themselves, nouns with a time beside them; rules (`after …`) do not. */
const RULE = String.raw`(?!\s+(?:after|every|if|once|unless|when)\b)`;
const EXPIRES = new RegExp(
  [
    String.raw`\b(?:expires|expiring|expired)\b${RULE}`,
    String.raw`\b(?:will|shall|may|might|could|to)\s+(?:\w+\s+)?expire\b${RULE}`,
    String.raw`\bexpire\s+(?:at|by|in|on|shortly|soon|today|tomorrow|tonight|within)\b`,
  ].join('|'),
  'i',
);
const EXPIRY = /\b(?:expiry|expiration)\b/i;
const TIME = new RegExp(
  [
    String.raw`\b(?:\d+|an?|one|two|three|four|five|six|seven|few|several)\s*-?`,
    String.raw`(?:s(?:ec(?:ond)?)?|m(?:in(?:ute)?|o(?:nth)?)?|h(?:r|our)?|d(?:ay)?|w(?:k|eek)?|y(?:r|ear)?)s?\b`,
    String.raw`|\d{4}-\d{2}-\d{2}`,
    String.raw`|\b(?:approaching|close|imminent|near(?:ing|s)?|shortly|soon|today|tomorrow|tonight)\b`,
    String.raw`|\b\d{1,2}\s+(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)|`,
    String.raw`\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\s+\d{1,2}\b`,
  ].join(''),
  'i',
);

/** "Does not expire", "never expires", "no longer expiring", "non-expiring"; "expiry: none". */
const NOT_EXPIRING = new RegExp(
  [
    String.raw`(?:\b(?:cannot|neither|never|no|non|none|nor|not|without)|n['\u2019]t)[\s-]+`,
    String.raw`(?:(?!(?:and|but|or|so)\b)[\w'\u2019-]+\s+){0,4}expir`,
    String.raw`|\b(?:expir\w*)(?:\s+(?:at|date|has|in|is|on|time|was|been))*\s*[:=]?\s*`,
    String.raw`(?:disabled|n/a|never|none?|not|null|removed|unknown)\b`,
  ].join(''),
  'i',
);
/** "Was refreshed", "token renewed", "will be renewed", "renews automatically". */
const RENEWED = new RegExp(
  [
    String.raw`(?<!(?:\b(?:not|never)|n['\u2019]t)\s+)`,
    String.raw`\b(?:already|are|automatically|been|got|is|just|now|successfully|was|were|will\s+be)\s+`,
    String.raw`(?:(?!not\b|never\b)\w+\s+){0,2}(?:extended|re-?issued|re-?freshed|re-?newed|replaced|rotated)\b`,
    String.raw`|(?:^\W*|\btokens?\s+)(?:re-?freshed|re-?newed|extended)\b`,
    String.raw`|\bauto(?:matically)?[\s-]+re-?(?:fresh|new)|\bre-?(?:fresh|new)\w*\s+automatically\b`,
  ].join(''),
  'i',
);

/** What else expires; where the sentence speaks of the connection too, that is meant. */
const OTHER_SUBJECT =
  /\b(?:ads?|cache|campaign|card|certificate|cookie|coupon|domain|drafts?|invit\w+|licen[cs]e|links?|media|offer|password|plan|posts?|promotion|quota|stor(?:y|ies)|subscription|trial|uploads?|webhook)\b/i;
const CONNECTION =
  /\b(?:access|auth\w*|connection|consent|credentials?|grant|log-?in|oauth\w*|permissions?|reconnect\w*|session|tokens?)\b/i;

/**
 * Whether a provider's English text names the expiry of a connection to come or just past: "Token
 * expires in 3 days." Texts that deny it or tell of a renewal do not.
 */
export function namesExpiry(text: string): boolean {
  if (RENEWED.test(text)) return false;
  return text.split(/[.!?;\n]+(?=\s|$)/).some((sentence) => {
    const names = EXPIRES.test(sentence) || (EXPIRY.test(sentence) && TIME.test(sentence));
    const isOther = OTHER_SUBJECT.test(sentence) && !CONNECTION.test(sentence);
    return names && !isOther && !NOT_EXPIRING.test(sentence);
  });
}
