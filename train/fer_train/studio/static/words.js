// Every word of the page in normal use, to translate in this one file. What else can go wrong (a full disk,
// a command that fails) and what a device says is told in English.
const many = (count, one, more) => `${count} ${count === 1 ? one : more}`;

const precise = (share) => `${(100 * share).toFixed(1)} %`;

const quoted = (file) => (/^[\w./~-]+$/.test(file) ? file : `"${file}"`);

// fer-edge finds faces as the studio did only if it is told to; haar is its own choice.
const detectorOption = (detector) => (detector === "haar" ? "" : ` --detector ${quoted(detector)}`);

// Why a shot was not kept, by the server's code: in short, and with what helps.
const FAULTS = {
  no_face: ["no face", "No face found. Turn to the camera, and let light fall on the face."],
  two_faces: ["two faces", "Two faces. Only one person at a time."],
  too_small: ["too small", "The face is too small. Come nearer."],
  blurred: ["blurred", "The picture is blurred. Hold still for a moment."],
  too_dark: ["too dark", "Too dark. Turn on a light in front of you."],
  too_bright: ["too bright", "Too bright. Turn away from the light."],
  other_person: ["another person", "Another person than in the pictures of this name. Each name is for one person alone."],
  same_side: ["the same as before", "The same as a picture that is there. Turn your head a little."],
  same: ["the same as before", "The same as the last pictures. Move your head a little."],
};

// Errors, by the server's code and with its figures.
const ERRORS = {
  bad_model_name: ({ most }) => `A model's name has letters, digits, - and _, at most ${most}, and begins with a letter or digit.`,
  bad_name: ({ most }) => `Choose another name: at most ${most} letters or digits, none of / \\ : * ? " < > |, no dot at either end, and none that Windows gives a device, such as CON.`,
  busy: () => "Too many pictures at a time. Send this one again.",
  camera_failed: ({ said }) => `The computer's camera has failed: ${said}`,
  closing: () => "The studio is being closed.",
  device_not_https: ({ host }) => `${host} does not encrypt as this studio does. Is its address http://?`,
  device_redirects: ({ host }) => `${host} sends us elsewhere. Give the device's own address.`,
  device_says: ({ host, said }) => `${host} says: ${said}`,
  device_silent: ({ host }) => `${host} does not answer. Does fer-edge --serve run there?`,
  device_token: ({ host }) => `${host} does not let us in: the token is missing or wrong.`,
  device_unreachable: ({ host, said }) => `${host} cannot be reached. Is it on, in this network, and does fer-edge --serve run there? (${said})`,
  full: ({ name, most }) => `${name} has ${most} pictures, which is the most. Delete some.`,
  gone: ({ name }) => `${name} is not there any more: it was deleted or renamed.`,
  learned_deleted: ({ name }) => `${name} was stopped: pictures that it learned from were deleted.`,
  most_names: ({ most }) => `There are ${most} already, which is the most.`,
  no_address: () => "The address of the device looks like http://pi.local:8080",
  no_fer_edge: ({ host }) => `${host} answers what no fer-edge answers. Does fer-edge --serve with --models FOLDER run there?`,
  no_picture: () => "No picture comes from the camera.",
  other_count: ({ name, count }) => `${name} has ${count} pictures now. Look at them before you delete it.`,
  other_files: ({ name, count }) => `${name} ${count ? `holds ${count} other file${count === 1 ? "" : "s"}: move them away, or` : "is a link:"} delete it by hand in the folder.`,
  picture_gone: ({ name }) => `That picture of ${name} is not there any more.`,
  reserved_name: ({ name }) => `${name} means a part of a data set to fer-train. Choose another name.`,
  taken: ({ name }) => `${name} is there already. Choose another name.`,
  token_letters: () => "The token has letters that no token has. Copy it again.",
  too_many_pixels: ({ most }) => `larger than ${most} megapixels`,
  training: ({ name }) => `${name} is being trained. Wait for it, or stop it.`,
  unreadable: ({ why }) => `no picture that can be read: ${why}`,
  unreadable_crop: ({ file }) => `${file} cannot be read as a picture. Delete it.`,
};

// What is said of a code of the server, which may bring figures.
const ADVICE = {
  needed: ({ more }) => `${more} more are needed`,
  helpful: ({ more }) => `${more} more would help`,
  recording: () => "one more recording would help: another light, another day",
};
const WHY_NOT = {
  classes: ({ least }) => `${least} classes are needed: add one`,
  pictures: ({ least, few }) => `each class needs ${least} pictures, now: ${Object.entries(few).map(([name, count]) => `${name} ${count}`).join(", ")}`,
};
const STEPS = {
  look: () => "looking at the pictures",
  start: () => "starting TensorFlow",
  learn: ({ epoch, epochs }) => `epoch ${epoch} of ${epochs}`,
  convert: () => "converting to int8",
  judge: () => "judging what was held back",
};

// Where a head is turned, as the server names it.
const SIDES = { front: "straight ahead", left: "to the left", right: "to the right", up: "up", down: "down" };

export const WORDS = {
  title: "fer-train studio",
  skip: "Skip to the content",
  steps: "Steps",
  stepShow: "Show",
  stepTrain: "Train",
  stepUse: "Use",
  stepPeople: "People",
  close: "Close",
  cancel: "Cancel",
  delete: "Delete",
  stop: "Stop",

  connecting: "connecting",
  connected: "connected",
  noConnection: "no connection to the studio: does it still run?",
  tooLarge: "larger than 20 MB",
  error: ({ code, figures, error }) => (ERRORS[code] ? ERRORS[code](figures) : error), // else a fault
  refused: (status) => `the studio refused this (${status})`,
  stored: ({ crops, people, networks, job }) =>
    `Stored on the computer that runs the studio: crops of faces, as the network sees them, in ${crops}; cut-outs of the faces of people, in color, in ${people}; trained networks, with the names of the crops they learned, in ${networks}; while a model is trained, the crops that it uses in ${job}.`,
  staysHere: "Nothing leaves this computer, unless you send a model to a device.",
  staysThere: (host) => `Pictures go from this browser to ${host} and no further. That computer sends nothing on, unless you send a model to a device.`,
  notFeeling: "An expression is not a feeling.",

  camera: "Camera",
  computerPicture: "Live picture of the computer's camera",
  cameraOff: "The camera is off.",
  cameraIsOn: "The camera is on.",
  whichCamera: "Which camera",
  startCamera: "Start camera",
  stopCamera: "Stop camera",
  cameraNumber: (number) => `Camera ${number}`,
  browserCamera: "This browser's camera",
  computerCamera: "The computer's camera",
  cameraIsOnNow: "The camera is on. Hold the button again to record.",
  cameraRefused: {
    NotAllowedError: "The browser may not use the camera. Allow it in the address bar, then start it again.",
    NotFoundError: "This browser finds no camera. Plug one in, or choose another one.",
    NotReadableError: "Another program uses the camera. Close it, then start again. If this studio has the camera, choose the computer's camera.",
    OverconstrainedError: "That camera is no longer there. Choose another one.",
  },
  cameraFailed: (reason) => `The camera cannot be started: ${reason}`,
  cameraGone: "The camera went away. Plug it in and start it again.",
  computerCameraFailed: "The computer's camera sends no picture. Is it plugged in, and used by no other program?",
  noBrowserCamera: (computer) =>
    `A browser gives its own camera only to pages on https:// or localhost. Start the studio with --https${computer ? ", or use the computer's camera" : ", or drop pictures on a class"}.`,

  newClass: "A new class",
  newClassExample: "happy, wink, tongue out",
  add: "Add",
  firstSteps: "Begin here: add two classes or more, then show pictures of each.",
  enough: "Enough to train. More pictures, in other light and of other people, make it better.",
  toTrain: "Next: train",
  forClasses: {
    name: "Name of the class",
    card: (name) => `Class ${name}`,
    delete: (name) => `Delete the class ${name}`,
    deleteAsk: (name, count) => `Delete the class ${name} and its ${many(Number(count), "picture", "pictures")}?`,
  },
  pictures: (count) => many(count, "picture", "pictures"),
  hold: "Hold to record",
  soon: "Timer: 10 s",
  soonHow: "Recording begins in 3 seconds and takes 10: for people alone.",
  addFiles: "Add files",
  dropOnCard: "Nothing was added. Drop pictures on a class in step 1, or on a person in step 4.",
  countdown: (wait, seconds) => `Recording begins in ${wait} seconds and takes ${seconds} seconds.`,
  keptSoFar: (count) => `Kept ${count}`,
  recorded: (kept, refused) => `Kept ${many(kept, "picture", "pictures")}${refused ? `, ${refused} were of no use` : ""}.`,
  why: (fault) => (FAULTS[fault] ? FAULTS[fault][1] : fault), // else a message of the server
  whyInShort: (fault) => (FAULTS[fault] ? FAULTS[fault][0] : fault),
  advice: (advice) => (advice ? ADVICE[advice.code](advice) : ""),
  whyNot: (why) => WHY_NOT[why.code](why),
  sending: (index, count, cut) => `Picture ${index} of ${cut ? "the first " : ""}${count}`,
  sent: (kept, count, reasons, cut) => {
    const leftOut = reasons.length ? `. Left out: ${reasons.map(([why, times]) => `${times} ${why}`).join(", ")}` : "";
    const more = cut ? ` There were more files: only the first ${count} are taken at a time. Drop the others in smaller folders.` : "";
    return `Kept ${kept} of ${many(count, "picture", "pictures")}${leftOut}.${more}`;
  },
  picture: (name, file) => `${name}, ${file.replace(/\.png$/, "")}`,
  showMore: (count) => `Show more (${count})`,
  chosen: (count) => `${many(count, "picture", "pictures")} chosen`,
  chooseNone: "Choose none",
  usedBy: ({ training, runs }) => {
    const stopped = training ? "The training that runs uses these pictures: it is stopped." : "";
    const stay = runs.length ? `Learned from these pictures: ${runs.join(", ")}. Such a model stays as it is; delete it or train it again in step 2.` : "";
    return [stopped, stay].join(" ").trim();
  },
  moved: (count, to) => `${many(count, "picture", "pictures")} moved to ${to}.`,
  removedPictures: (count) => `${many(count, "picture", "pictures")} deleted.`,
  renamed: (name, to) => `${name} is now called ${to}.`,
  removed: (name) => `${name} is deleted.`,
  moveTo: "Move to",
  move: "Move",

  startFrom: "Start from",
  modelName: "Name of the model",
  firstRun: "mine",
  network: (name) => name,
  networkAdvice: {
    "fer-nano": "The smallest and quickest one, for a Pi Zero too.",
    "fer-small": "More accurate, and still quick on a Pi. Takes longer to train.",
    "fer-base": "The most accurate one, for devices with time to spare.",
  },
  train: "Train",
  jobTitle: (kind, name) => (kind === "train" ? `Training ${name}` : `Making ${name} small (int8)`),
  progress: "Progress",
  jobStep: (job) => STEPS[job.step](job),
  secondsLeft: (seconds) => (seconds < 90 ? `about ${seconds} s left` : `about ${Math.round(seconds / 60)} min left`),
  stopAsk: "Stop training? What was learned so far is not used.",
  epoch: (number) => `epoch ${number}`,
  curveSeen: "accuracy on pictures that it learns from",
  curveHeld: "accuracy on pictures held back",
  curveWords: (epoch, seen, held) => `After epoch ${epoch}: accuracy ${seen} on pictures that it learns from, ${held} on pictures held back.`,
  result: "Result",
  resultOf: (name) => `How good is ${name}?`,
  models: "Your models",
  runNote: (run) => {
    if (!run.bundle) return "not trained to its end";
    return run.trained_with_deleted ? "learned from pictures that were deleted since" : "";
  },
  showRun: "Result",
  showRunOf: (name) => `Result of ${name}`,
  interval: (low, high, count) => ` of ${count} held-back pictures are right. With other such pictures it would be ${low} to ${high}.`,
  heldBack: ({ count, whole, divided }) => {
    const parts = [];
    if (whole.length) parts.push(`whole recordings of ${whole.join(", ")}`);
    if (divided.length) parts.push(`the last part of the only recording of ${divided.join(", ")}`);
    const doubt = divided.length ? " Frames of one recording are alike, so the accuracy of these is too good: record them once more." : "";
    return `Judged by ${many(count, "picture that was", "pictures that were")} held back from training: ${parts.join(", and ")}. They also chose the best epoch, so new pictures will do a little worse.${doubt}`;
  },
  int8: ({ count, flips, accuracy, accuracy_before: before, kilobytes }) =>
    `int8 answers ${count - flips} of ${count} as the network did before${flips ? `; accuracy ${precise(before)} before, ${precise(accuracy)} now` : ""}; ${kilobytes} KiB`,
  showMoreOf: "Show more pictures of",
  toShow: "To the pictures",
  confusion: "What it takes for what",
  confusionHow: "A row is what a picture shows, a column what the model says.",
  recall: "recognized",
  mistakes: (count) => (count ? `Its ${many(count, "mistake", "mistakes")}` : "It makes no mistake on these pictures."),
  mistakesGone: (count) => `${count} of them ${count === 1 ? "was" : "were"} deleted or given another class since.`,
  mistakesHow: "Choose a picture to give it another class or to delete it. Then train again.",
  mistake: (name, answered, sure) => `${name}, taken for ${answered} (${sure})`,
  relabel: "Give it this class",
  relabelled: (name) => `now ${name}`,
  deleted: "deleted",
  trainAgain: "Train again",
  trainRunAgain: (name) => `Train again: ${name}`,

  whichModel: "Your model",
  noModel: "There is no model yet. Train one first.",
  startToCompare: "Start the camera to see your model beside the one that it started from.",
  nobody: "Nobody in sight.",
  newModel: (name) => `${name} (new)`,
  oldModel: (name) => `${name} (as shipped)`,
  takeAway: "Take it to a device",
  download: "Download the model",
  downloadHow: "One file for every device:",
  downloadCommand: (name, detector) => `fer-edge --camera 0 --model ${quoted(`${name}-int8.tflite`)}${detectorOption(detector)}`,
  deploy: "Or send it to a device",
  address: "Address of the device",
  token: "Its token, if it has one",
  deployHow: "The device runs this, with a token in $FER_EDGE_TOKEN:",
  deployCommand: (detector) => `fer-edge --camera 0 --serve 0.0.0.0:8080 --models models${detectorOption(detector)}`,
  deploySends: "Only the model is sent, never a picture. The token is not stored.",
  send: "Send",
  sendingModel: "Sending.",
  compareCertificate: "The device made its certificate itself. Compare this fingerprint with the one that fer-edge printed there as certificate (SHA-256). Nothing was sent yet.",
  certificateIsSame: "It is the same: send",
  certificateRefused: "Nothing was sent.",
  certificateChanged: (fingerprint) =>
    `Nothing was sent: the device shows another certificate than the one you confirmed. It makes a new one after a year and for a new address; if it did not, another computer stands in its place. Send once more to compare it. Now it is ${fingerprint}`,
  deployed: (model, seconds) => `The device runs ${model}, on trial for ${seconds} s.`,
  trialKept: (model) => `The device keeps ${model}.`,
  trialTakenBack: (model, before, why) => `The device took ${model} back: ${why}. It runs ${before}.`,
  trialUnknown: (address) => `The device does not tell how the trial ended. Look at its page: ${address}`,
  deleteRun: (name) => `Delete the model ${name}`,
  deleteRunAsk: (name) => `Delete the model ${name} and what its training left?`,

  needsIdentity: "Telling people apart needs dlib. Install it in the folder of fer-edge-kit, then start the studio again:",
  identityCommand: "pip install '.[identity]'",
  peopleHow: "Show one person at a time, from several sides: ahead, to the left, to the right, up and down. What looks the same as before is left out.",
  newPerson: "A new person",
  newPersonExample: "a first name is enough",
  forPeople: {
    name: "Name of the person",
    card: (name) => `Person ${name}`,
    delete: (name) => `Delete the person ${name}`,
    deleteAsk: (name, count) => `Delete ${name} and ${many(Number(count), "picture", "pictures")}? Nothing of ${name} is left under People then. Crops under Show stay, and a fer-edge that runs knows ${name} until it is started again.`,
  },
  personAdvice: ({ more, sides }) => {
    const absent = Object.keys(sides).filter((side) => !sides[side]).map((side) => SIDES[side]);
    const toShow = absent.length ? `Not shown yet: ${absent.join(", ")}.` : "";
    return [more ? `Add ${many(more, "more picture", "more pictures")}.` : "Enough pictures.", toShow].join(" ").trim();
  },
  startToName: "Start the camera to see who is known.",
  lookingAtPictures: "Looking at the pictures.",
  nobodyKnown: "not known",
  inSight: (names) => `In sight: ${names.join(", ")}.`,
  usePeople: "Let fer-edge know them",
  usePeopleHere: "On this computer, after you stop the camera here:",
  peopleCommand: (folder, detector) => `fer-edge --camera 0 --faces ${quoted(folder)}${detectorOption(detector)}`,
  usePeopleThere: "On another one, with the folder from this file:",
  downloadPeople: "Download people.zip",
  peopleStored: (folder) =>
    `Stored in ${folder}: what is cut out around each face, in color, and nothing else. What tells faces apart is worked out from these pictures and is only in memory. Of whoever is deleted nothing stays in the studio. A fer-edge that runs with this folder knows them until it is started again, and crops under Show are deleted there. Nobody in this step becomes part of training or of a model. What was downloaded or copied has to be deleted where it is.`,

  otherDevices: "Open this page on a phone",
  otherDevicesHow: "Scan this, or type the address. The browser warns once, since this computer made the certificate itself: compare the fingerprint, then go on.",
  qr: "The address as a QR code",
  fingerprint: "SHA-256 fingerprint of the certificate:",
};
