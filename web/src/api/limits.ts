/** How many characters the gateway takes, by its own document (make openapi). */
export const limits = {
  "AnswerFollowUp": {
    "answer": 1000
  },
  "AnswerOffer": {
    "reason": 500
  },
  "AnswerQueryObjection": {
    "answer": 2000
  },
  "Answering": {
    "text": 1000
  },
  "AnsweringWithCode": {
    "text": 1000,
    "code": 40
  },
  "Appoint": {
    "name": 100,
    "id_number": 40
  },
  "ArticleText": {
    "number": 20,
    "heading": 60,
    "text": 4000
  },
  "AskBills": {
    "reason": 500
  },
  "AskCases": {
    "reason": 500
  },
  "AskLeases": {
    "reason": 500
  },
  "AskTasks": {
    "reason": 500
  },
  "AskWaiting": {
    "reason": 500
  },
  "BothTexts": {
    "zh": 600,
    "en": 1200
  },
  "ChooseCapacity": {
    "capacity": 40
  },
  "Confirm": {
    "text_version": 40
  },
  "ConsentGiven": {
    "text_version": 40
  },
  "Decide": {
    "reason": 500
  },
  "DecideObjection": {
    "answer": 2000
  },
  "DepositCash": {
    "slip_no": 40
  },
  "Dossier": {
    "address": 200,
    "phone": 20
  },
  "DraftForm": {
    "category": 40,
    "marital_status": 40,
    "has_homes": 40,
    "has_vehicles": 40,
    "district": 40,
    "street": 40,
    "community": 40,
    "address": 200,
    "phone": 40,
    "etag": 40,
    "request_key": 40,
    "request_print": 40
  },
  "DraftHome": {
    "district": 40,
    "address": 200,
    "area_centi_sqm": 40,
    "share_percent": 40,
    "certificate_no": 200
  },
  "DraftMember": {
    "name": 200,
    "id_number": 200,
    "relation": 40,
    "birth_date": 40,
    "annual_income_fen": 40,
    "employer": 200
  },
  "DraftVehicle": {
    "plate": 40,
    "value_fen": 40
  },
  "ExportComplaints": {
    "no": 40
  },
  "ExportLooks": {
    "reader": 100,
    "application_no": 40
  },
  "ExportOperatorSteps": {
    "subject": 80,
    "actor": 100
  },
  "ExportReaders": {
    "reader": 100
  },
  "Handling": {
    "text": 8000,
    "about": 100
  },
  "Home": {
    "address": 200,
    "certificate_no": 100
  },
  "KeepView": {
    "name": 20,
    "query": 500
  },
  "Letter": {
    "text": 4000,
    "about_name": 50
  },
  "Member": {
    "name": 100,
    "id_number": 40,
    "birth_date": 10,
    "employer": 200
  },
  "NewAuthorisation": {
    "id_number": 40,
    "name": 100,
    "document": 200
  },
  "NewBroadcast": {
    "title_zh": 60,
    "body_zh": 1000,
    "title_en": 60,
    "body_en": 1000
  },
  "NewPhotoWithCode": {
    "code": 40
  },
  "NewUnit": {
    "estate_name": 100,
    "address": 200,
    "number": 100
  },
  "ObjectToQuery": {
    "text": 2000
  },
  "OfDelivery": {
    "reason": 500
  },
  "OfWorkflow": {
    "reason": 500
  },
  "Opinion": {
    "words": 500
  },
  "PhotoWithCode": {
    "code": 40
  },
  "PolicyContent": {
    "issuer": 100,
    "document_no": 60
  },
  "RaiseObjection": {
    "text": 2000
  },
  "RecordConfirmation": {
    "document": 200
  },
  "RecordWithdrawal": {
    "document": 200
  },
  "Recuse": {
    "reason": 500
  },
  "Relative": {
    "id_number": 40
  },
  "Search": {
    "words": 60
  },
  "SignedLetter": {
    "text": 4000,
    "about_name": 50,
    "contact": 100,
    "reference_no": 40,
    "reporter": 50
  },
  "Step": {
    "tracking_no": 40
  },
  "Vehicle": {
    "plate": 20
  },
  "WithCode": {
    "code": 40
  },
  "Withdraw": {
    "reason": 500
  },
  "WithdrawPolicy": {
    "reason": 500,
    "superseded_by": 60
  }
} as const;
