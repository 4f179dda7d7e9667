"""What people have to say (投诉、建议、举报、咨询): taking it in, the desk, the record, and who reads what."""
