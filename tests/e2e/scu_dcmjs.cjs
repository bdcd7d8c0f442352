// dcmjs-dimse's C-FIND SCU: address and queries as JSON on standard input, answers as JSON.
// An answer is [final status, [{tag in decimal: text}, …]].
const { Client, Dataset, requests, constants } = require('dcmjs-dimse');
const { DicomMetaDictionary } = require('dcmjs').data;
const given = JSON.parse(require('fs').readFileSync(0));

function keyword(tag) {
  const hex = tag.toString(16).padStart(8, '0').toUpperCase();
  return DicomMetaDictionary.dictionary[`(${hex.slice(0, 4)},${hex.slice(4)})`].name;
}

function elements(keys) {
  return Object.fromEntries(keys.map(([tag, vr, value]) =>
    [keyword(tag), vr === 'SQ' ? [elements(value)] : vr === 'UI' ? value.split('\\') : value]));
}

function text(value) {
  if (Array.isArray(value)) return value.map(text).join('\\');
  if (value && typeof value === 'object')
    return [value.Alphabetic, value.Ideographic, value.Phonetic].map((g) => g ?? '').join('=').replace(/=+$/, '');
  return value === undefined || value === null ? '' : String(value);
}

function ask(query) {
  const identifier = { ...elements(query.keys), SpecificCharacterSet: query.charset };
  if (query.level) identifier.QueryRetrieveLevel = query.level;
  const request = new requests.CFindRequest();
  request.setAffectedSopClassUid(query.root);
  request.setDataset(new Dataset(identifier));
  const tags = query.keys.filter((k) => k[1] !== 'SQ').map((k) => k[0]);
  const matches = [];
  let last = null;
  request.on('response', (response) => {
    last = response.getStatus();
    if (last !== constants.Status.Pending && last !== 0xff01) return;
    const found = response.getDataset().getElements();
    matches.push(Object.fromEntries(tags.map((t) => [t, text(found[keyword(t)])])));
  });
  return new Promise((resolve, reject) => {
    const client = new Client();
    client.addRequest(request);
    client.on('networkError', reject);
    client.on('closed', () => resolve([last, matches]));
    client.send(given.address[0], given.address[1], query.calling ?? 'DCMJS', given.aet);
  });
}

(async () => {
  const answers = [];
  for (const query of given.queries) answers.push(await ask(query));
  process.stdout.write('\n' + JSON.stringify(answers)); // behind the library's own log
})();
